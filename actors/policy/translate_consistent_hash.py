"""Istio's `consistentHash` → ConsistentHash: exactly one key, a ring or a table, and a cookie that can be sent."""

import re

from msgspec import UNSET

from ..messages.hashing import ConsistentHash as Hash
from ..messages.hashing import HashSource
from .istio_consistent_hash import ConsistentHash, HttpCookie
from .problem import Path, ProblemCode, Report

TABLE = 65_537
"""Entries of Maglev's table where none is set (Envoy's default)."""
LIMIT = 5_000_011
"""Istio's bound of a table's size."""
LARGEST = 65_536
"""Points that a minimum leads to at most: more make the shares no more even, only the node bigger."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_WORDS = re.compile(r"[\x20-\x3a\x3c-\x7e]*\Z")
"""What a cookie's path and attributes may say (RFC 6265, 4.1.1): no control characters, no semicolon."""


def consistent_hash(spec: ConsistentHash, path: Path, report: Report) -> Hash | None:
    """Return its meaning, None where it was refused."""
    key = _key(spec, path, report)
    minimum = _minimum(spec, path, report)
    table = _table(spec, path, report)
    if key is None:
        return None
    source, name = key
    cookie = spec.http_cookie
    if source is not HashSource.COOKIE or cookie is UNSET:
        return Hash(source, name, minimum_ring=minimum, table=table)
    attributes = tuple((one.name, one.value) for one in cookie.attributes)
    ttl = None if cookie.ttl is UNSET else float(cookie.ttl)
    return Hash(source, name, cookie.path, ttl, attributes, minimum, table)


def _key(spec: ConsistentHash, path: Path, report: Report) -> tuple[HashSource, str] | None:
    found: list[tuple[HashSource, str, str]] = []
    if spec.http_header_name is not UNSET:
        found.append((HashSource.HEADER, spec.http_header_name.lower(), "httpHeaderName"))
    if spec.http_cookie is not UNSET:
        found.append((HashSource.COOKIE, spec.http_cookie.name, "httpCookie"))
    if spec.use_source_ip is True:
        found.append((HashSource.SOURCE_IP, "", "useSourceIp"))
    if spec.http_query_parameter_name is not UNSET:
        found.append((HashSource.QUERY, spec.http_query_parameter_name, "httpQueryParameterName"))
    if not found:
        message = "consistentHash needs a key: httpHeaderName, httpCookie, useSourceIp: true or httpQueryParameterName"
        report.missing(path, message)
        return None
    source, name, field = found[0]
    for _, _, other in found[1:]:
        message = f"{field} and {other} exclude each other: a request has one key"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, other), message)
    if source is HashSource.HEADER and _TOKEN.match(name) is None:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, field), f"{name[:64]!r} is no name of a header")
    elif source is HashSource.QUERY and not name:
        report.missing((*path, field), "the query parameter needs a name")
    elif spec.http_cookie is not UNSET:
        _cookie(spec.http_cookie, (*path, "httpCookie"), report)
    return source, name


def _cookie(cookie: HttpCookie, path: Path, report: Report) -> None:
    if not cookie.name:
        report.missing((*path, "name"), "the cookie needs a name")
    elif _TOKEN.match(cookie.name) is None:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "name"), f"{cookie.name[:64]!r} is no name of a cookie")
    if _WORDS.match(cookie.path) is None:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "path"), f"{cookie.path[:64]!r} cannot stand in a cookie")
    for place, one in enumerate(cookie.attributes):
        where: Path = (*path, "attributes", place)
        if _TOKEN.match(one.name) is None:
            report.refuse(ProblemCode.INVALID_VALUE, (*where, "name"), f"{one.name[:64]!r} is no name of an attribute")
        if _WORDS.match(one.value) is None:
            message = f"{one.value[:64]!r} cannot stand in a cookie"
            report.refuse(ProblemCode.INVALID_VALUE, (*where, "value"), message)
    if cookie.ttl is UNSET and (cookie.path or cookie.attributes):
        message = "without a ttl no cookie is made, so path and attributes have no effect"
        report.warn(ProblemCode.NO_EFFECT, path, message, 'write "ttl: 0s" for a cookie of the session')


def _minimum(spec: ConsistentHash, path: Path, report: Report) -> int:
    where, minimum = (*path, "minimumRingSize"), spec.minimum_ring_size
    if minimum is not UNSET:
        report.warn(
            ProblemCode.DEPRECATED, where, "minimumRingSize is deprecated here", "write ringHash.minimumRingSize"
        )
    if spec.ring_hash is not UNSET and spec.ring_hash.minimum_ring_size is not UNSET:
        where, minimum = (*path, "ringHash", "minimumRingSize"), spec.ring_hash.minimum_ring_size
    if minimum is UNSET:
        return 0
    if minimum > LARGEST:
        message = f"a ring is made to have {LARGEST} points at least, not {minimum}; each instance has 160 or more"
        report.warn(ProblemCode.APPROXIMATED, where, message)
    return min(minimum, LARGEST)


def _table(spec: ConsistentHash, path: Path, report: Report) -> int:
    if spec.maglev is UNSET:
        return 0
    if spec.ring_hash is not UNSET or spec.minimum_ring_size is not UNSET:
        message = "ringHash and maglev exclude each other"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "maglev"), message)
    size = spec.maglev.table_size
    if size is UNSET:
        return TABLE
    if size >= LIMIT or not _prime(size):
        message = f"{size} is no prime below {LIMIT:,}"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "maglev", "tableSize"), message, f"such as {TABLE}")
    return size


def _prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, int(number**0.5) + 1))
