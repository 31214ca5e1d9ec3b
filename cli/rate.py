"""Two looks at every node's counts become rates: success, requests per second and latency of what came between."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from .output import Item

GROUPS: Mapping[str, tuple[str, ...]] = {
    "services": ("service",),
    "versions": ("service", "version"),
    "routes": ("route", "service", "subset"),
    "edges": ("source", "service"),
}
"""What rows may be of, and the fields that tell them apart."""

_WAY = ("reporter", "source", "source_version", "destination", "version", "subset", "route", "protocol")
Key = tuple[str, ...]


class Look(NamedTuple):
    """What the nodes had counted at one moment."""

    at: float
    """Monotonic seconds."""
    nodes: Mapping[str, Item]
    """Each node's answer."""
    silent: Sequence[str] = ()
    """Nodes that gave none."""


class Sum(NamedTuple):
    """Requests of one row."""

    codes: dict[int, int]
    buckets: list[int]


def between(before: Look | None, after: Look) -> list[tuple[Item, Sum, float]]:
    """Return what each node counted for each way between two looks, and the seconds that it had for that.

    Without the first look it is all since the nodes began. A node that has begun anew counts from its beginning.
    """
    found: list[tuple[Item, Sum, float]] = []
    for node, answer in after.nodes.items():
        uptime = _number(answer.get("uptime"))
        seconds, old = uptime, None
        if before is not None:
            old = before.nodes.get(node)
            seconds = after.at - before.at
            if old is not None and uptime < _number(old.get("uptime")):
                old = None
        earlier = {_way(item): _sum(item) for item in _items(old)}
        found += [(item, _less(_sum(item), earlier.get(_way(item))), seconds) for item in _items(answer)]
    return found


def rows(
    found: Iterable[tuple[Item, Sum, float]], group: str, quantile: Callable[[list[int], float], float]
) -> list[Item]:
    """Return a row for each of `group`, by name; times in milliseconds.

    Calls are counted where they are made; where nobody of the mesh makes them, by whom they reach.
    """
    sums: dict[Key, list[tuple[Sum, float]]] = {}
    for item, counted, seconds in found:
        if item.get("reporter") == "destination" and item.get("source") != "unknown":
            continue
        if group == "routes" and not item.get("route"):
            continue
        fields = {**item, "service": item.get("destination")}
        sums.setdefault(tuple(str(fields.get(name) or "") for name in GROUPS[group]), []).append((counted, seconds))
    return [_row(dict(zip(GROUPS[group], key, strict=True)), those, quantile) for key, those in sorted(sums.items())]


def _row(names: Item, those: list[tuple[Sum, float]], quantile: Callable[[list[int], float], float]) -> Item:
    codes: dict[int, int] = {}
    for one, _ in those:
        for code, count in one.codes.items():
            codes[code] = codes.get(code, 0) + count
    buckets = [sum(column) for column in zip(*(one.buckets for one, _ in those), strict=False)]
    requests = sum(codes.values())
    failed = sum(count for code, count in codes.items() if code >= 500)
    rate = sum(sum(one.codes.values()) / seconds for one, seconds in those if seconds > 0)
    times = {
        f"p{share}_ms": round(1000 * quantile(buckets, share / 100), 3) if requests else None for share in (50, 95, 99)
    }
    return {
        **names,
        "success": round(1 - failed / requests, 6) if requests else None,
        "rps": round(rate, 3),
        **times,
        "requests": requests,
        "failed": failed,
        "codes": {str(code): count for code, count in sorted(codes.items()) if count},
    }


def _less(now: Sum, before: Sum | None) -> Sum:
    if before is None or len(before.buckets) != len(now.buckets):
        return now
    codes = {code: max(0, count - before.codes.get(code, 0)) for code, count in now.codes.items()}
    return Sum(codes, [max(0, one - old) for one, old in zip(now.buckets, before.buckets, strict=True)])


def _sum(item: Item) -> Sum:
    """The counts in a node's word; nodes of other releases may say other things."""
    codes: object = item.get("codes")
    buckets: object = item.get("buckets")
    counts = cast("dict[str, Any]", codes) if isinstance(codes, dict) else {}
    columns = cast("list[object]", buckets) if isinstance(buckets, list) else []
    return Sum(
        {int(code): int(_number(count)) for code, count in counts.items() if code.isdigit()},
        [int(_number(count)) for count in columns],
    )


def _way(item: Item) -> Key:
    return tuple(str(item.get(name) or "") for name in _WAY)


def _items(answer: Item | None) -> list[Item]:
    return [] if answer is None else cast("list[Item]", answer.get("items") or [])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
