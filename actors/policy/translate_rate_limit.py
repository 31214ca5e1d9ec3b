"""RateLimit (`plait.dev/v1`) → the rule of that name: its destination and each of its limits checked."""

import re

from msgspec import UNSET
from msgspec.structs import replace

from ..messages import rate_limit as rule
from ..messages.error import InvalidName
from ..messages.name import called_token
from .hostname import check_host, destination_service
from .plait_rate_limit import Key, Limit, RateLimit, Scope
from .problem import Path, ProblemCode, Report

SECOND, DAY = 1.0, 86_400.0
SHORTEST_LEASE, LONGEST_LEASE = 0.2, 60.0

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}\Z")


def rate_limit(spec: RateLimit, namespace: str, name: str, report: Report) -> rule.RateLimit:
    """Return the rule of a RateLimit; it is complete where nothing was refused."""
    path: Path = ("spec", "host")
    if "*" in spec.host:
        service = spec.host.lower() if check_host(spec.host, path, report) else ""
    else:
        service = destination_service(spec.host, namespace, path, report)
    if not spec.limits:
        report.missing(("spec", "limits"), "a RateLimit needs a limit", "such as [{requests: 100, per: 1s}]")
    limits: dict[str, rule.Limit] = {}
    for place, one in enumerate(spec.limits):
        where: Path = ("spec", "limits", place)
        limit = _limit(one, str(place), namespace, where, report)
        if limit.name in limits:
            report.refuse(ProblemCode.INVALID_VALUE, (*where, "name"), f"limit {limit.name!r} stands here twice")
        limits[limit.name] = limit
    return rule.RateLimit(f"{namespace}/{name}", service, spec.subset, tuple(limits.values()), spec.response_headers)


def _limit(one: Limit, otherwise: str, namespace: str, path: Path, report: Report) -> rule.Limit:
    if one.name and _NAME.match(one.name) is None:
        hint = "lower-case letters, digits and '-', at most 63"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "name"), f"{one.name[:64]!r} is no name", hint)
    requests = 1
    if one.requests is UNSET:
        report.missing((*path, "requests"), "a limit needs a number of requests", "such as 100")
    else:
        requests = one.requests
    per = SECOND if one.per is UNSET else float(one.per)
    if per > DAY:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "per"), "a limit is for a day at the most", 'such as "1m"')
    key = Key() if one.key is UNSET else one.key
    if key.header and _HEADER.match(key.header) is None:
        where: Path = (*path, "key", "header")
        report.refuse(ProblemCode.INVALID_VALUE, where, f"{key.header[:64]!r} is no header name")
    limit = rule.Limit(
        one.name or otherwise,
        requests,
        per,
        requests if one.burst is UNSET else one.burst,
        rule.Scope.MESH if one.scope is Scope.MESH else rule.Scope.LOCAL,
        key.header.lower(),
        key.caller,
        key.route,
        key.client_address,
        tuple(one.routes),
        tuple(_caller(name, place, namespace, path, report) for place, name in enumerate(one.callers)),
    )
    return _leased(one, limit, path, report)


def _leased(one: Limit, limit: rule.Limit, path: Path, report: Report) -> rule.Limit:
    """The limit with what only those have that hold for the whole mesh."""
    if one.scope is Scope.LOCAL:
        for name, value in (("localShare", one.local_share), ("lease", one.lease)):
            if value is not UNSET:
                message = f"{name} means nothing here: each node counts by itself"
                report.warn(ProblemCode.NO_EFFECT, (*path, name), message, "write scope: MESH, or leave it out")
        return limit
    share = limit.local_share if one.local_share is UNSET else one.local_share
    lease = limit.lease if one.lease is UNSET else float(one.lease)
    if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
        message = f"a lease lasts for {SHORTEST_LEASE:g} s to {LONGEST_LEASE:g} s"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "lease"), message)
    return replace(limit, local_share=share, lease=lease)


def _caller(name: str, place: int, namespace: str, path: Path, report: Report) -> str:
    try:
        return called_token(name, namespace)
    except InvalidName:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "callers", place), f"{name[:64]!r} is no service")
        return ""
