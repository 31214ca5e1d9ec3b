"""Paths made plain again: dot segments resolved, repeated slashes merged; at the edge, and after each rewrite."""

import re

_SLASHES = re.compile(r"/{2,}")


def resolved(path: str) -> str:
    """Return a path that begins with `/` without dot segments (RFC 3986 §5.2.4, never above the root) and `//`."""
    if "/." in path:
        path = _without_dots(path)
    return _SLASHES.sub("/", path) if "//" in path else path


def _without_dots(text: str) -> str:
    kept: list[str] = []
    segments = text.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")  # "/a/.." names the folder: its slash stays
    return "/" + "/".join(kept)
