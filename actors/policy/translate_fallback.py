"""The `fallbacks` of a Resilience: checked, and put in the rules' words."""

from msgspec import UNSET

from ..messages import fallback as rule
from ..routing.fall_on import CONDITIONS
from ..routing.retry_on import status_of
from .hint import did_you_mean
from .hostname import destination_port, destination_service
from .plait_fallback import Elsewhere, Empty, Fallback, FixedResponse, LastGood
from .problem import Path, ProblemCode, Report
from .translate_headers import TOKEN

MOST = 8
"""Fallbacks of one document."""
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_EMPTY = {Empty.OBJECT: b"{}", Empty.ARRAY: b"[]"}
_JSON = (("content-type", "application/json"),)
_NOT_OURS = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer"})


def fallbacks(specs: list[Fallback], namespace: str, path: Path, report: Report) -> tuple[rule.Fallback, ...]:
    """Return the fallbacks, in order; complete where nothing was refused."""
    if len(specs) > MOST:
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{len(specs)} fallbacks, {MOST} at most")
    found: list[rule.Fallback] = []
    kept = -1
    for place, spec in enumerate(specs):
        where: Path = (*path, place)
        to = _to(spec, namespace, where, report)
        if to is None:
            continue
        if isinstance(to, rule.LastGood):
            if kept >= 0:
                message = f"a destination keeps its last good answers once; fallback {kept} does"
                report.refuse(
                    ProblemCode.INVALID_VALUE, (*where, "lastGood"), message, "put both lists of `on` into one"
                )
            kept = place
        methods = _methods(spec, to, where, report)
        found.append(rule.Fallback(to, _on(spec, where, report), methods, tuple(spec.routes)))
    _unreachable(found, path, report)
    return tuple(found)


def _to(
    spec: Fallback, namespace: str, path: Path, report: Report
) -> rule.Elsewhere | rule.LastGood | rule.Fixed | None:
    given = [
        name
        for name, value in (
            ("destination", spec.destination),
            ("lastGood", spec.last_good),
            ("response", spec.response),
            ("empty", spec.empty),
        )
        if value is not UNSET
    ]
    if not given:
        report.missing(path, "a fallback needs one of destination, lastGood, response and empty")
        return None
    for other in given[1:]:
        message = f"{given[0]} and {other} exclude each other: a fallback is one thing"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, other), message, "make it an entry of its own")
    if spec.destination is not UNSET:
        return _elsewhere(spec.destination, namespace, (*path, "destination"), report)
    if spec.last_good is not UNSET:
        return _last_good(spec.last_good, (*path, "lastGood"), report)
    if spec.response is not UNSET:
        return _fixed(spec.response, (*path, "response"), report)
    body = _EMPTY.get(spec.empty, b"") if spec.empty is not UNSET else b""
    return rule.Fixed(200, _JSON, body, empty=True) if body else rule.Fixed(204, empty=True)


def _elsewhere(spec: Elsewhere, namespace: str, path: Path, report: Report) -> rule.Elsewhere:
    service = destination_service(spec.host, namespace, (*path, "host"), report)
    port = destination_port(spec.port, (*path, "port"), report)
    return rule.Elsewhere(service, spec.subset, port, None if spec.timeout is UNSET else float(spec.timeout))


def _last_good(spec: LastGood, path: Path, report: Report) -> rule.LastGood:
    default = rule.LastGood()
    vary = default.vary if spec.vary_by is UNSET else tuple(name.lower() for name in spec.vary_by)
    for place, name in enumerate(vary):
        if TOKEN.match(name) is None:
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "varyBy", place), f"{name[:64]!r} is no name of a header")
    return rule.LastGood(
        default.max_age if spec.max_age is UNSET else float(spec.max_age),
        default.entries if spec.max_entries is UNSET else spec.max_entries,
        default.size if spec.max_bytes is UNSET else spec.max_bytes,
        vary,
    )


def _fixed(spec: FixedResponse, path: Path, report: Report) -> rule.Fixed:
    headers: list[tuple[str, str]] = []
    for name, value in spec.headers.items():
        where: Path = (*path, "headers", name)
        if TOKEN.match(name) is None or name.lower() in _NOT_OURS:
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{name[:64]!r} is no header that an answer can be given")
        elif not value.isprintable() or not value.isascii():
            report.refuse(ProblemCode.INVALID_VALUE, where, "the value has characters that no header can have")
        headers.append((name.lower(), value))
    body = b""
    if spec.body is not UNSET:
        if spec.body.string is not UNSET and spec.body.bytes is not UNSET:
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "body"), "string and bytes exclude each other")
        body = spec.body.string.encode() if spec.body.string is not UNSET else bytes(spec.body.bytes or b"")
    if body and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    return rule.Fixed(spec.status, tuple(headers), body)


def _on(spec: Fallback, path: Path, report: Report) -> tuple[str, ...]:
    for place, word in enumerate(spec.on):
        where: Path = (*path, "on", place)
        if word not in CONDITIONS and status_of(word) < 400:
            hint = did_you_mean(word, CONDITIONS) or f"one of {', '.join(sorted(CONDITIONS))}, or a status from 400 on"
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{word[:64]!r} is nothing to fall back on", hint)
    return tuple(spec.on) or rule.Fallback(rule.Fixed()).on


def _methods(
    spec: Fallback, to: rule.Elsewhere | rule.LastGood | rule.Fixed, path: Path, report: Report
) -> tuple[str, ...]:
    default = rule.Fallback(rule.Fixed()).methods
    for place, method in enumerate(spec.methods):
        where: Path = (*path, "methods", place)
        if method not in METHODS:
            hint = did_you_mean(method.upper(), METHODS)
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{method[:64]!r} is no method of HTTP", hint)
        elif isinstance(to, rule.LastGood) and method not in default:
            message = f"no answer to {method} is given again: it may have changed something"
            report.refuse(ProblemCode.INVALID_VALUE, where, message, "GET and HEAD")
    return tuple(spec.methods) or default


def _unreachable(found: list[rule.Fallback], path: Path, report: Report) -> None:
    """Warn of what stands behind an answer that is always there."""
    for place, one in enumerate(found):
        for earlier in found[:place]:
            always = isinstance(earlier.to, rule.Fixed) and not earlier.routes
            if always and set(one.on) <= {*earlier.on} and set(one.methods) <= set(earlier.methods):
                message = "it is never reached: a fallback before it has an answer for all of its calls"
                report.warn(ProblemCode.NO_EFFECT, (*path, place), message)
                break
