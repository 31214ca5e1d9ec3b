"""`plait ls mirrors`: how answers to copies of requests differ from those that callers got, over all nodes."""

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from . import option
from .output import Column, Item, Listing

_KEY = ("route", "service", "subset", "mirror", "mirror_subset")
_COUNTED = ("outcomes", "places", "statuses")


def listing(timeout: float, nats: "option.Where", mesh: str) -> Listing:
    """Ask every node and add up what they say.

    Raises:
        CommandError: who should answer does not.
    """
    from ..mesh.address import find
    from .connection import Visit, check, items, visit
    from .ls import instances

    async def errand(there: Visit) -> list[Item]:
        known = instances(check(await there.ask("registry.resolve", {"service": ""})))
        found: list[Item] = []
        for node in sorted({str(one.get("node", "")) for one in known}):
            question: dict[str, Any] = {"what": "mirrors"}
            while True:
                answer = check(await there.ask(f"config.{node}", question))
                found += items(answer)
                if not isinstance(answer.get("next"), int):
                    break
                question["offset"] = answer["next"]
        return found

    rows = summed(visit(find(nats, mesh), errand, limit=timeout))
    nothing = "no answers are compared: a Resilience with mirrorDiff has it done, on routes that have mirrors"
    return Listing("MirrorList", _COLUMNS, rows, _name, nothing)


def summed(found: list[Item]) -> list[Item]:
    """Return one row for each route and mirror, of what many nodes tell; times in milliseconds."""
    from ..tracing.calls import quantile

    groups: dict[tuple[str, ...], list[Item]] = {}
    for one in found:
        groups.setdefault(tuple(str(one.get(name, "")) for name in _KEY), []).append(one)
    rows: list[Item] = []
    for key, those in sorted(groups.items()):
        row: Item = dict(zip(_KEY, key, strict=True))
        for name in _COUNTED:
            total: Counter[str] = Counter()
            for one in those:
                total.update(cast("dict[str, int]", one.get(name) or {}))
            row[name] = dict(total.most_common())
        for side in ("ours", "theirs"):
            columns = zip(*(cast("list[int]", one.get(side) or []) for one in those), strict=False)
            buckets = [sum(column) for column in columns]
            row[side] = {f"p{share}": round(quantile(buckets, share / 100) * 1000, 3) for share in (50, 95)}
        rows.append(row)
    return rows


def _name(item: Item) -> str:
    return f"mirror/{item['route']}/{item['mirror']}"


def _outcome(name: str) -> Callable[[Item], object]:
    def told(item: Item) -> object:
        return cast("Item", item["outcomes"]).get(name, 0)

    return told


def _compared(item: Item) -> int:
    return sum(count for name, count in cast("dict[str, int]", item["outcomes"]).items() if name != "skipped")


def _goal(service: str, subset: str) -> Callable[[Item], object]:
    def told(item: Item) -> object:
        return f"{item[service]} {item[subset]}".rstrip()

    return told


def _times(share: str) -> Callable[[Item], object]:
    def told(item: Item) -> object:
        ours, theirs = (cast("dict[str, float]", item[side])[share] for side in ("ours", "theirs"))
        return f"{ours:g}/{theirs:g}"

    return told


def _counts(name: str) -> Callable[[Item], object]:
    def told(item: Item) -> object:
        return ", ".join(f"{place} {count}" for place, count in list(cast("Item", item[name]).items())[:5])

    return told


_COLUMNS = (
    Column("ROUTE", "route"),
    Column("ANSWERED BY", _goal("service", "subset")),
    Column("COPIED TO", _goal("mirror", "mirror_subset")),
    Column("COMPARED", _compared, right=True),
    Column("SAME", _outcome("same"), right=True),
    Column("STATUS", _outcome("status"), right=True),
    Column("BODY", _outcome("body"), right=True),
    Column("FAILED", _outcome("failed"), right=True),
    Column("SKIPPED", _outcome("skipped"), right=True, wide=True),
    Column("P50 MS", _times("p50"), right=True),
    Column("P95 MS", _times("p95"), right=True),
    Column("DIFFER IN", _counts("places")),
    Column("STATUSES", _counts("statuses"), wide=True),
)
