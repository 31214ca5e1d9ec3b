"""Text into plain values, each with its line: YAML as Kubernetes people write it, JSON being a part of it.

Words such as `yes` and `off`, dates and numbers with leading zeros stay text; only `true`, `false`, `null` and plain
numbers are more. The text is hostile until read: depth, size and what aliases expand to are bounded, keys are unique.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, cast

import yaml

from .problem import Path

LARGEST = 8 * 1024 * 1024
"""Bytes of one text: ten thousand virtual services have some 3.4 million."""
DEEPEST = 64
COPIES = 10_000
"""Values that aliases may add."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?\Z")
_ZEROS = re.compile(r"[-+]?0[0-9]")
_TAG = "tag:yaml.org,2002:"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(ValueError):
    """The text cannot be read.

    `line` counts from 1; `code` is `unreadable`, `too_large` or `duplicate_key`.
    """

    def __init__(self, message: str, line: int, code: str = "unreadable", path: Path = ()) -> None:
        super().__init__(message)
        self.line = line
        self.code = code
        self.path = path


Plain = str | int | float | bool | None
Pairs = dict[str, tuple["Node", int]]
"""Fields with their values and their keys' lines."""


class Node:
    """One value of the text before it is plain: a scalar, a list of nodes, or pairs of key and node."""

    __slots__ = ("items", "line", "pairs", "scalar", "size")

    def __init__(
        self, line: int, scalar: Plain = None, items: "list[Node] | None" = None, pairs: Pairs | None = None
    ) -> None:
        self.line = line
        self.scalar = scalar
        self.items = items
        self.pairs = pairs
        self.size: int = 1 + sum(one.size for one in items or ()) + sum(one.size for one, _ in (pairs or {}).values())
        """Values in it, itself included; aliases counted as what they stand for."""


def as_mapping(value: object) -> dict[str, Any] | None:
    """Return `value` when it is a mapping."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """Return `value` when it is a list."""
    return cast("list[object]", value) if isinstance(value, list) else None


def nodes(text: str) -> Iterator[Node]:
    """Return the documents of `text`, one node each.

    Raises:
        Unreadable: it is no YAML, or goes over a limit.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise Unreadable(f"the text is larger than {LARGEST} bytes", 1, "too_large")
    try:
        yield from _Reader().documents(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if "nesting" in (error.problem or ""):  # libyaml's own limit, met while it looks ahead of our count
            line = mark.line + 1 if mark is not None else 1
            raise Unreadable(f"nested deeper than {DEEPEST} levels", line, "too_large") from None
        words = " ".join(part for part in (error.context, error.problem) if part)
        raise Unreadable(f"not valid YAML: {words}", mark.line + 1 if mark is not None else 1) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        place = getattr(error, "position", 0)
        line = text.count("\n", 0, place) + 1 if isinstance(place, int) else 1
        reason = getattr(error, "reason", None) or "it cannot be parsed"
        raise Unreadable(f"not valid YAML: {reason}", line) from None


class _Reader:
    """Builds nodes from the parser's events, one document at a time."""

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._copies = 0

    def documents(self, events: Any) -> Iterator[Node]:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                yield self._node(next(events), events, 0)

    def _node(self, event: Any, events: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth > DEEPEST:
            raise Unreadable(f"nested deeper than {DEEPEST} levels", line, "too_large")
        if isinstance(event, yaml.AliasEvent):
            return self._copy(event.anchor, line)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, _scalar(event, line))
        elif isinstance(event, yaml.SequenceStartEvent):
            _check_tag(event.tag, ("seq",), line)
            node = self._sequence(events, line, depth)
        else:
            _check_tag(event.tag, ("map",), line)
            node = self._mapping(events, line, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, events: Any, line: int, depth: int) -> Node:
        items: list[Node] = []
        event: Any = next(events)
        while not isinstance(event, yaml.SequenceEndEvent):
            items.append(self._node(event, events, depth + 1))
            event = next(events)
        return Node(line, items=items)

    def _copy(self, anchor: Any, line: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise Unreadable(f"alias *{anchor} has no anchor before it, or stands inside its own", line)
        self._copies += node.size
        if self._copies > COPIES:
            raise Unreadable(f"aliases expand to more than {COPIES} values", line, "too_large")
        return node

    def _mapping(self, events: Any, line: int, depth: int) -> Node:
        pairs: Pairs = {}
        merged: list[Node] = []
        event: Any = next(events)
        while not isinstance(event, yaml.MappingEndEvent):
            at: int = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise Unreadable("a key must be a plain text", at)
            key = _text(event.value, at)
            value = self._node(next(events), events, depth + 1)
            if key == "<<" and event.implicit[0]:
                merged += [value] if value.items is None else value.items
            elif key in pairs:
                raise Unreadable(f"key {key!r} stands here twice (first in line {pairs[key][1]})", at, "duplicate_key")
            else:
                pairs[key] = (value, at)
            event = next(events)
        for one in merged:
            if one.pairs is None:
                raise Unreadable("'<<' takes a mapping or a list of mappings", line)
            for key, pair in one.pairs.items():
                pairs.setdefault(key, pair)
        return Node(line, pairs=pairs)


def plain(node: Node, lines: dict[Path, int], path: Path = (), line: int = 0) -> Any:
    """Return the value of `node` and note the line of everything in it; a field's line is its key's."""
    lines[path] = line or node.line
    if node.items is not None:
        return [plain(one, lines, (*path, number)) for number, one in enumerate(node.items)]
    if node.pairs is not None:
        return {key: plain(one, lines, (*path, key), at) for key, (one, at) in node.pairs.items()}
    return node.scalar


def _check_tag(tag: str | None, allowed: tuple[str, ...], line: int) -> None:
    if tag is not None and tag != "!" and tag.removeprefix(_TAG) not in allowed:
        raise Unreadable(f"tag {tag.replace(_TAG, '!!')!r} is not allowed", line)


def _text(text: str, line: int) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable("the text holds half of a surrogate pair", line) from None
    return text


def _scalar(event: Any, line: int) -> Plain:
    tag, text = event.tag, _text(event.value, line)
    _check_tag(tag, ("str", "int", "float", "bool", "null"), line)
    kind = (tag or "").removeprefix(_TAG)
    if kind in ("str", "!") or (not kind and not event.implicit[0]):
        return text
    value = _resolve(text)
    if kind and type(value).__name__.replace("NoneType", "null") != kind:
        raise Unreadable(f"{text!r} is no {kind}", line)
    return value


def _resolve(text: str) -> Plain:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INTEGER.match(text):
        number = int(text)
        return number if -(2**63) <= number < 2**63 else text
    if _FLOAT.match(text) and not _ZEROS.match(text) and any(letter in text for letter in ".eE"):
        value = float(text)
        return value if math.isfinite(value) else text
    return text
