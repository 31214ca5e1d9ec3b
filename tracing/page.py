"""One page of Prometheus text out of several: each node's samples get its name, each metric stands once."""

from collections.abc import Iterable, Mapping

UP = "plait_node_answered"


def join(pages: Mapping[str, str], silent: Iterable[str] = ()) -> bytes:
    """Return one page of the nodes' `pages`, and which nodes gave one; `silent` are those that did not."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for node, text in pages.items():
        label = f'node="{_escaped(node)}"'
        family = ""
        for line in text.splitlines():
            if line.startswith("# "):
                _, word, family, *_ = line.split(" ", 3)
                lines = heads.setdefault(family, [])
                if len(lines) < 2 and not any(one.startswith(f"# {word} ") for one in lines):
                    lines.append(line)
            elif line:
                samples.setdefault(family, []).append(_labelled(line, label))
    found: list[str] = []
    for family, lines in samples.items():
        found += heads.get(family, [])
        found += lines
    found += [f"# HELP {UP} 1 where the node's metrics are on this page.", f"# TYPE {UP} gauge"]
    answered = {**dict.fromkeys(pages, 1), **dict.fromkeys(silent, 0)}
    found += [f'{UP}{{node="{_escaped(node)}"}} {value}' for node, value in sorted(answered.items())]
    return ("\n".join(found) + "\n").encode()


def _labelled(line: str, label: str) -> str:
    brace, space = line.find("{"), line.find(" ")
    if 0 <= brace < space:
        return f"{line[: brace + 1]}{label},{line[brace + 1 :]}"
    return f"{line[:space]}{{{label}}}{line[space:]}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
