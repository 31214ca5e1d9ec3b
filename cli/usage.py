"""The instances of a service as those who call it see them: asked of every node, put together purely."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

from .ask_nodes import ask_nodes as everywhere
from .output import Column, Item, Listing

if TYPE_CHECKING:
    from .connection import Visit

Seen = dict[str, list[Item]]
"""What each node that answered says of each instance."""


async def ask_nodes(there: "Visit", nodes: Iterable[str], what: str, service: str) -> tuple[Seen, list[str]]:
    """Ask every node how it uses the instances of a service; return also those who gave no answer."""
    said, silent = await everywhere(there, nodes, "config", {"what": what, "service": service})
    return {node: answer["items"] for node, answer in said.items()}, silent


def together(instances: list[Item], seen: Seen) -> list[Item]:
    """Return the instances with what their callers, those who have sent calls to any, see of them."""
    calling = {node: rows for node, rows in seen.items() if any(row.get("requests") for row in rows)}
    whole = sum(_number(row, "rate") for rows in calling.values() for row in rows)
    return [_one(instance, calling, whole) for instance in instances]


def picks(seen: Seen) -> list[Item]:
    """Return what a pick would weigh just now: for each caller and destination, each instance."""
    return [
        {"caller": node, "instance": row.get("instance"), **pick}
        for node, rows in seen.items()
        for row in rows
        for pick in _objects(row.get("picks"))
    ]


def _one(instance: Item, calling: Seen, whole: float) -> Item:
    rows = [
        {**row, "node": node}
        for node, rows in calling.items()
        for row in rows
        if row.get("instance") == instance.get("id")
    ]
    rate = sum(_number(row, "rate") for row in rows)
    out: dict[str, int] = {}
    for row in rows:
        for why in {str(pick.get("out")) for pick in _objects(row.get("picks")) if pick.get("out")}:
            out[why] = out.get(why, 0) + 1
    return {
        **instance,
        "weight": max((_number(row, "weight") for row in rows), default=instance.get("weight")),
        "score": _mean(rows, "score"),
        "active": sum(int(_number(row, "active")) for row in rows),
        "latency": _mean([row for row in rows if _number(row, "latency")], "latency"),
        "failing": _mean(rows, "failing"),
        "rate": round(rate, 3),
        "share": round(rate / whole, 4) if whole else None,
        "out": {why: f"{count} of {len(calling)} callers" for why, count in sorted(out.items())},
        "callers": rows,
    }


def _mean(rows: list[Item], field: str) -> float | None:
    """The mean over callers, each in proportion to its calls; None without any."""
    weights = [_number(row, "rate") for row in rows]
    if not rows:
        return None
    if not any(weights):
        return round(sum(_number(row, field) for row in rows) / len(rows), 6)
    return round(sum(_number(row, field) * one for row, one in zip(rows, weights, strict=True)) / sum(weights), 6)


def listing(instances: list[Item], seen: Seen, service: str) -> Listing:
    """Return the list for `plait ls instances SERVICE`."""
    columns = (
        Column("INSTANCE", "id"),
        Column("VERSION", "version"),
        Column("NODE", "node"),
        Column("LOCALITY", "locality"),
        Column("WEIGHT", _cell("weight", _plain), right=True),
        Column("HEALTH", "health"),
        Column("SCORE", _cell("score", partial(_fixed, digits=2)), right=True),
        Column("IN-FLIGHT", "active", right=True),
        Column("LATENCY", _cell("latency", _milliseconds), right=True),
        Column("SHARE", _cell("share", _percent), right=True),
        Column("OUT", "out"),
        Column("FAILING", _cell("failing", _percent), right=True, wide=True),
        Column("RATE", _cell("rate", partial(_fixed, digits=1)), right=True, wide=True),
        Column("BUSY", _load("utilization", _percent), right=True, wide=True),
        Column("QUEUED", _load("queued"), right=True, wide=True),
        Column("REPORTS", _load("metrics"), wide=True),
        Column("CALLERS", _callers, wide=True),
        Column("LABELS", "labels", wide=True),
    )
    rows = together(instances, seen)
    return Listing("InstanceList", columns, rows, _name, f"no instance of {service} is registered")


def _name(item: Item) -> str:
    return f"instance/{item.get('id')}"


def _cell(field: str, shown: Callable[[object], object]) -> Callable[[Item], object]:
    def cell(item: Item) -> object:
        return shown(item.get(field))

    return cell


def _load(field: str, shown: Callable[[object], object] = lambda value: value) -> Callable[[Item], object]:
    """The cell of a figure that the instance itself reports."""

    def cell(item: Item) -> object:
        load: object = item.get("load")
        return shown(cast("Item", load).get(field)) if isinstance(load, dict) else None

    return cell


def _callers(item: Item) -> list[str]:
    return [str(row.get("node")) for row in _objects(item.get("callers"))]


def _objects(found: object) -> list[Item]:
    if not isinstance(found, list):
        return []
    return [cast("Item", one) for one in cast("list[object]", found) if isinstance(one, dict)]


def _number(row: Item, field: str) -> float:
    value = row.get(field)
    return float(value) if isinstance(value, int | float) else 0.0


def _plain(value: object) -> object:
    return f"{value:g}" if isinstance(value, int | float) else value


def _fixed(value: object, digits: int) -> object:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else None


def _percent(value: object) -> object:
    return f"{100 * value:.0f} %" if isinstance(value, int | float) else None


def _milliseconds(value: object) -> object:
    return f"{1000 * value:.1f} ms" if isinstance(value, int | float) else None
