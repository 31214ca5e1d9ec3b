"""A trace as a tree, and the tree as a waterfall of plain text lines."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..record import SpanRecord, Status
from ..tag import STATUS_CODE

_DEPTH = 24
"""Levels that are drawn apart; what is deeper stands at this one, so that a chain of calls cannot push out the rest."""


@dataclass(slots=True)
class TreeNode:
    """A span and what it called."""

    span: SpanRecord
    depth: int
    """0 for a root."""
    orphan: bool = False
    """Its parent is not among the spans: outside the mesh, still running, or lost."""
    children: list["TreeNode"] = field(default_factory=list["TreeNode"])
    """By start."""

    def walk(self) -> Iterator["TreeNode"]:
        """Give this node and all below it in the order in which a waterfall shows them."""
        waiting: list[TreeNode] = [self]  # a stack of our own: the depth of a trace is what others made it
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def arrange(spans: Iterable[SpanRecord]) -> list[TreeNode]:
    """Return the roots of the spans' tree, by start; every span stands in it exactly once.

    A span whose parent is missing is a root of its own. Spans that name each other as parents, which only a broken
    program sends, are cut open at the earliest one.
    """
    by_id = {span.span_id: span for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id))}
    below: dict[str, list[SpanRecord]] = {}
    tops: list[SpanRecord] = []
    for span in by_id.values():
        if span.parent_id in by_id:
            below.setdefault(span.parent_id, []).append(span)
        else:
            tops.append(span)
    placed: set[str] = set()
    roots: list[TreeNode] = []
    for span in (*tops, *by_id.values()):
        if span.span_id not in placed:
            root = TreeNode(span, 0, orphan=span.parent_id != "")
            placed.add(span.span_id)
            roots.append(root)
            _grow(root, below, placed)
    return sorted(roots, key=lambda node: (node.orphan, node.span.start_ns))


def _grow(root: TreeNode, below: dict[str, list[SpanRecord]], placed: set[str]) -> None:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for span in below.get(node.span.span_id, ()):
            if span.span_id not in placed:
                placed.add(span.span_id)
                node.children.append(TreeNode(span, node.depth + 1))
        waiting.extend(node.children)


def waterfall(spans: Iterable[SpanRecord], width: int = 100, *, ascii_only: bool = False) -> list[str]:
    """Return the lines that show a trace: service and operation, offset, duration, a bar, what became of it.

    Args:
        spans: one trace's, in any order.
        width: columns of a line up to the end of its bar; at least 60 are used. What became of it stands behind.
        ascii_only: draw with `|`, `-` and `#`.

    A `?` stands before a span whose parent is missing, where there is more than one beginning.
    """
    roots = arrange(spans)
    nodes = [node for root in roots for node in root.walk()]
    if not nodes:
        return []
    start = min(node.span.start_ns for node in nodes)
    length = max(node.span.end_ns for node in nodes) - start or 1
    marked = len(roots) > 1  # alone, a root whose parent is elsewhere continues a trace from outside: nothing is amiss
    labels = [f"{'? ' if marked and node.orphan else ''}{node.span.service} {node.span.name}" for node in nodes]
    names = [branch + _printable(label) for branch, label in zip(_branches(roots, ascii_only), labels, strict=True)]
    name_width = min(max(map(len, names)), max(24, width // 2))
    bar_width = max(60, width) - name_width - 22
    block = "#" if ascii_only else "█"
    lines: list[str] = []
    for name, node in zip(names, nodes, strict=True):
        span = node.span
        left = min(bar_width - 1, (span.start_ns - start) * bar_width // length)
        size = min(bar_width - left, max(1, round(span.duration_ns * bar_width / length)))
        bar = " " * left + block * size
        lines.append(
            f"{_fit(name, name_width, ascii_only):<{name_width}} {_time(span.start_ns - start, ascii_only):>9} "
            f"{_time(span.duration_ns, ascii_only):>9}  {bar:<{bar_width}} {_outcome(span)}"
        )
    return lines


def _branches(roots: list[TreeNode], ascii_only: bool) -> Iterator[str]:
    """Give what stands before each name, in the order of `walk`."""
    tee, corner, line = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
    waiting = [("", "", root) for root in reversed(roots)]
    while waiting:
        before, branch, node = waiting.pop()
        yield before + branch
        inner = before
        if node.depth and len(before) < 3 * _DEPTH:
            inner += "   " if branch == corner else line
        last = len(node.children) - 1
        waiting += [(inner, corner if at == last else tee, node.children[at]) for at in range(last, -1, -1)]


def _outcome(span: SpanRecord) -> str:
    code = span.attributes.get(STATUS_CODE, "")
    if span.status is Status.ERROR:
        return _printable(f"error {code}: {span.message}" if code else f"error: {span.message}").removesuffix(": ")
    return _printable(str(code)) if code else "ok"


def _printable(text: str) -> str:
    """Return text that cannot steer a terminal: whatever draws nothing by itself is replaced."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(sign)[0] in "CMZ" and sign != " " else sign for sign in text)


def _fit(text: str, width: int, ascii_only: bool) -> str:
    more = "..." if ascii_only else "…"
    return text if len(text) <= width else text[: width - len(more)] + more


def _time(nanoseconds: int, ascii_only: bool) -> str:
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1e3:.0f} {'us' if ascii_only else 'µs'}"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1e6:.1f} ms"
    return f"{nanoseconds / 1e9:.2f} s"
