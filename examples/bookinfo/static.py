"""Files that the page asks for beside itself: one stylesheet."""

_STYLE = """\
:root { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #f4f1ea; }
body { margin: 0; }
.bar { display: flex; gap: 1rem; align-items: center; justify-content: space-between; padding: .75rem 1.5rem;
       background: #24405c; color: #fff; }
.bar a { color: inherit; }
.bar form { display: flex; gap: .5rem; }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 2rem; }
table { border-collapse: collapse; }
th, td { padding: .25rem 1rem .25rem 0; text-align: left; vertical-align: top; }
blockquote { margin: 0 0 1.5rem; padding-left: 1rem; border-left: .25rem solid #c9bfa8; }
.stars { font-size: 1.4rem; letter-spacing: .1em; }
.stars.black { color: #000; }
.stars.red { color: #c3161c; }
.trouble { color: #8a4b00; }
.source, .stale { font-size: .85rem; color: #5b6470; }
"""

FILES: dict[str, tuple[bytes, str]] = {"bookinfo.css": (_STYLE.encode(), "text/css; charset=utf-8")}
"""Body and content type by file name."""
