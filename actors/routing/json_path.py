"""Places in JSON documents, in the simple part of JSONPath (`$.reviews[*].color`), and where two of them differ."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

Step = str | int
"""A field's name, or a position in a list."""
ANY = "*"
"""Instead of a step: every field, every position."""
MOST = 2000
"""Values of two documents that are compared one by one, at most."""

_PART = re.compile(r"\.(\*|[^.\[\]*]+)|\[(\*|[0-9]{1,9}|\"[^\"]*\"|'[^']*')\]")


def read_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path; names with dots or brackets stand in quotes: `$["a.b"]`.

    Raises:
        ValueError: it is no path; the message says why.
    """
    if not text.startswith("$"):
        raise ValueError("a path begins with $")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            raise ValueError(f"{text[at : at + 32]!r} is neither .name nor [0], [*] or ['name']")
        name, inside = found.group(1), found.group(2)
        if name is not None:
            steps.append(name)
        elif inside.isdigit():
            steps.append(int(inside))
        else:
            steps.append(inside if inside == ANY else inside[1:-1])
        at = found.end()
    return tuple(steps)


def written(steps: Iterable[Step]) -> str:
    """Return a path as text, with `[*]` for every position: documents of many lengths differ in the same places."""
    return "$" + "".join("[*]" if isinstance(step, int) else f".{step}" for step in steps)


def differences(one: Any, other: Any, ignored: Sequence[tuple[Step, ...]] = ()) -> Iterator[str]:
    """Yield the places where two documents differ, as `written`, some more than once; `MOST` values are looked at."""
    waiting: list[tuple[tuple[Step, ...], Any, Any]] = [((), one, other)]
    looked = 0
    while waiting and looked < MOST:
        path, left, right = waiting.pop()
        looked += 1
        if _equal(left, right) or any(_covers(pattern, path) for pattern in ignored):
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            mine, theirs = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
            names = [*mine, *(name for name in theirs if name not in mine)]
            waiting.extend(
                ((*path, name), mine.get(name, _Absent), theirs.get(name, _Absent)) for name in reversed(names)
            )
        elif isinstance(left, list) and isinstance(right, list):
            here, there = cast("Sequence[Any]", left), cast("Sequence[Any]", right)
            waiting.extend(
                ((*path, place), _at(here, place), _at(there, place))
                for place in reversed(range(min(max(len(here), len(there)), MOST)))
            )
        else:
            yield written(path)


class _Absent:
    """Stands where a document has nothing."""


def _equal(left: Any, right: Any) -> bool:
    """Whether they are equal; what is nested too deep to say is looked into."""
    try:
        return bool(left == right)
    except RecursionError:
        return False


def _at(items: Sequence[Any], place: int) -> Any:
    return items[place] if place < len(items) else _Absent


def _covers(pattern: tuple[Step, ...], path: tuple[Step, ...]) -> bool:
    return len(pattern) == len(path) and all(want in (ANY, step) for want, step in zip(pattern, path, strict=True))
