"""A VirtualService's CORS policy: checked, and put in the rules' words."""

from msgspec import UNSET, UnsetType

from ..messages.rule import Cors, MatchKind
from ..messages.rule import StringMatch as Condition
from .hint import did_you_mean
from .istio_route_action import CorsPolicy, UnmatchedPreflights
from .problem import Path, ProblemCode, Report
from .translate_headers import TOKEN
from .translate_match import condition

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"})
"""What browsers may be told to send, as in Istio."""


def route_cors(cors: CorsPolicy | UnsetType, path: Path, report: Report) -> Cors | None:
    """Return a route's CORS policy, None where there is none."""
    if cors is UNSET:
        return None
    origins = [condition(one, (*path, "allowOrigins", place), report) for place, one in enumerate(cors.allow_origins)]
    for place, one in enumerate(origins):
        if one.kind is MatchKind.PRESENT or not one.value:
            where = (*path, "allowOrigins", place)
            message = "one of exact, prefix and regex is required, and not empty"
            report.refuse(ProblemCode.REQUIRED, where, message, "exact: '*' is any")
    if cors.allow_origin:
        where = (*path, "allowOrigin")
        report.warn(ProblemCode.DEPRECATED, where, "allowOrigin is deprecated", "write allowOrigins: [{exact: …}]")
        if origins:
            report.warn(ProblemCode.NO_EFFECT, where, "allowOrigin has no effect beside allowOrigins")
        origins = origins or [Condition(MatchKind.EXACT, one) for one in cors.allow_origin]
    if not origins:
        message = "without allowOrigins no origin is allowed: the policy does nothing"
        report.warn(ProblemCode.NO_EFFECT, path, message, "allowOrigins: [{exact: https://shop.example}]")
    for place, name in enumerate(cors.allow_methods):
        if name not in METHODS:
            where = (*path, "allowMethods", place)
            hint = did_you_mean(name, METHODS)
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{name[:64]!r} is no method of HTTP", hint)
    for field, names in (("allowHeaders", cors.allow_headers), ("exposeHeaders", cors.expose_headers)):
        for place, name in enumerate(names):
            if TOKEN.match(name) is None:
                report.refuse(ProblemCode.INVALID_VALUE, (*path, field, place), f"{name[:64]!r} is no header name")
    if cors.max_age is not UNSET and cors.max_age % 1:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "maxAge"), "browsers count in whole seconds")
    return Cors(
        tuple(origins),
        tuple(cors.allow_methods),
        tuple(cors.allow_headers),
        tuple(cors.expose_headers),
        None if cors.max_age is UNSET else float(cors.max_age),
        None if cors.allow_credentials is UNSET else cors.allow_credentials,
        cors.unmatched_preflights is not UnmatchedPreflights.IGNORE,
    )
