"""Istio's `localityLbSetting` → Locality: localities that can be told apart, percentages that add up to 100."""

import re
from collections.abc import Iterable

from msgspec import UNSET

from ..messages.traffic import Locality
from .istio_locality import Distribute, Failover, LocalityLbSetting
from .problem import Path, ProblemCode, Report

TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")
"""Labels that say what `failover` says, too."""

_LOCALITY = re.compile(r"(\*|[^*/]+|[^*/]+/(\*|[^*/]+)|[^*/]+/[^*/]+/(\*|[^*/]+))\Z")
_FORM = 'such as "eu", "eu/a", "eu/a/*" or "*"'


def locality(spec: LocalityLbSetting, path: Path, report: Report) -> Locality:
    """Return its meaning; it is complete where nothing was refused."""
    if spec.distribute:
        _alone(spec, path, report)
    if spec.failover and spec.failover_priority:
        for place, label in enumerate(spec.failover_priority):
            if label.partition("=")[0] in TOPOLOGY:
                message = f"failover and {label} in failoverPriority exclude each other: both rank regions"
                report.refuse(ProblemCode.INVALID_VALUE, (*path, "failoverPriority", place), message)
    shares = tuple(_shares(one, (*path, "distribute", place), report) for place, one in enumerate(spec.distribute))
    _distinct(
        ((one.start, (*path, "distribute", place, "from")) for place, one in enumerate(spec.distribute)),
        report,
        ordered=True,
    )
    failover = tuple(_failover(one, (*path, "failover", place), report) for place, one in enumerate(spec.failover))
    _once(spec.failover, (*path, "failover"), report)
    for place, label in enumerate(spec.failover_priority):
        name, _, value = label.partition("=")
        if not name or "=" in value:
            message = f"{label[:64]!r} is neither a label nor label=value"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "failoverPriority", place), message)
    enabled = spec.enabled is UNSET or spec.enabled
    return Locality(enabled, shares, failover, tuple(spec.failover_priority))


def _alone(spec: LocalityLbSetting, path: Path, report: Report) -> None:
    if spec.failover:
        message = "distribute and failover exclude each other"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "failover"), message, "leave one of them out")
    if spec.failover_priority:
        message = "distribute says where all calls go, so failoverPriority changes nothing"
        report.warn(ProblemCode.NO_EFFECT, (*path, "failoverPriority"), message, "leave one of them out")


def _shares(one: Distribute, path: Path, report: Report) -> tuple[str, tuple[tuple[str, int], ...]]:
    if not one.start:
        report.missing((*path, "from"), "a distribution needs the locality of the callers", _FORM)
    if not one.to:
        report.missing((*path, "to"), "a distribution needs localities with their percentages")
    _distinct(((name, (*path, "to", name)) for name in one.to), report)
    wrong = [name for name, percent in one.to.items() if not 1 <= percent <= 100]
    for name in wrong:
        message = f"{one.to[name]} is no percentage of 1 to 100"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "to", name), message, "leave out who shall get no call")
    total = sum(one.to.values())
    if one.to and not wrong and total != 100:
        added = " + ".join(str(percent) for percent in one.to.values())
        message = f"the percentages add up to {total}, not to 100"
        report.refuse(
            ProblemCode.INVALID_VALUE, (*path, "to"), message, f"{added} = {total}" if len(one.to) > 1 else ""
        )
    return one.start, tuple(one.to.items())


def _failover(one: Failover, path: Path, report: Report) -> tuple[str, str]:
    for field, region in (("from", one.start), ("to", one.to)):
        if not region:
            report.missing((*path, field), "failover needs two regions", "such as {from: eu, to: us}")
        elif "/" in region or "*" in region:
            message = f"{region[:64]!r} is no region: failover is from one region to another"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, field), message, "zones take over by themselves")
    if one.start and one.start == one.to:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "to"), f"{one.to} would take over from itself")
    return one.start, one.to


def _once(failover: Iterable[Failover], path: Path, report: Report) -> None:
    seen: set[str] = set()
    for place, one in enumerate(failover):
        if one.start and one.start in seen:
            message = f"region {one.start} stands here twice: the first one holds"
            report.warn(ProblemCode.NO_EFFECT, (*path, place), message)
        seen.add(one.start)


def _distinct(named: Iterable[tuple[str, Path]], report: Report, *, ordered: bool = False) -> None:
    """Refuse what is no locality, and localities that overlap; where the first that fits counts (`ordered`), a later
    one may be the wider one."""
    seen: list[tuple[tuple[str, ...], str]] = []
    for name, path in named:
        if not name:
            continue  # told as missing
        if _LOCALITY.match(name) is None:
            report.refuse(ProblemCode.INVALID_VALUE, path, f"{name[:64]!r} is no locality", _FORM)
            continue
        parts = tuple(part for part in name.split("/") if part != "*")
        for earlier, other in seen:
            if parts[: len(earlier)] == earlier or (not ordered and earlier[: len(parts)] == parts):
                message = f"{name} and {other} overlap"
                report.refuse(ProblemCode.INVALID_VALUE, path, message, "each locality stands in one of them")
                break
        seen.append((parts, name))
