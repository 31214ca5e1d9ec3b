"""A VirtualService's match: its conditions checked and put in the rules' words."""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from ..messages.rule import MatchKind, RouteMatch
from ..messages.rule import StringMatch as Condition
from ..routing.regex import BadPattern, full_match
from .hostname import gateway_name
from .istio_virtual_service import HTTPMatchRequest
from .problem import Path, ProblemCode, Report
from .spec import StringMatch
from .translate_headers import TOKEN

PSEUDO = (":method", ":authority", ":scheme", ":path")
CLAIM = "@request.auth.claims"


def route_match(
    match: HTTPMatchRequest, namespace: str, bound: tuple[str, ...], path: Path, report: Report
) -> RouteMatch:
    """Return `match` as a rule; `bound` are the places of the whole rule set, none for a delegate's."""
    gateways = tuple(
        gateway_name(name, namespace, (*path, "gateways", place), report) for place, name in enumerate(match.gateways)
    )
    for place, name in enumerate(gateways):
        if bound and name not in bound:
            where = (*path, "gateways", place)
            report.warn(ProblemCode.NO_EFFECT, where, f"the VirtualService itself is not bound to gateway {name!r}")
    _warn_of_uri(match, path, report)
    return RouteMatch(
        name=match.name,
        uri=_required(match.uri, (*path, "uri"), report, empty_prefix=True),
        ignore_uri_case=match.ignore_uri_case,
        scheme=_required(match.scheme, (*path, "scheme"), report),
        method=_required(match.method, (*path, "method"), report),
        authority=_required(match.authority, (*path, "authority"), report),
        headers=_headers(match.headers, (*path, "headers"), report),
        without_headers=_headers(match.without_headers, (*path, "withoutHeaders"), report),
        query=tuple(
            (name, condition(one, (*path, "queryParams", name), report)) for name, one in match.query_params.items()
        ),
        port=None if match.port is UNSET else match.port,
        source_labels=match.source_labels,
        source_namespace=match.source_namespace,
        gateways=gateways,
        stat_prefix=match.stat_prefix,
    )


def _warn_of_uri(match: HTTPMatchRequest, path: Path, report: Report) -> None:
    if match.uri is UNSET:
        return
    for form, text in (("exact", match.uri.exact), ("prefix", match.uri.prefix)):
        if text is not UNSET and text and not text.startswith("/"):
            message = f"{text!r} does not begin with '/', no path does so"
            report.warn(ProblemCode.NO_EFFECT, (*path, "uri", form), message)
    if match.ignore_uri_case and match.uri.regex is not UNSET:
        hint = "begin the regex with '(?i)'"
        report.warn(ProblemCode.NO_EFFECT, (*path, "ignoreUriCase"), "it holds for exact and prefix only", hint)


def _headers(headers: Mapping[str, StringMatch], path: Path, report: Report) -> tuple[tuple[str, Condition], ...]:
    found: list[tuple[str, Condition]] = []
    for name, one in headers.items():
        where = (*path, name)
        if name.startswith(CLAIM):
            report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, "matching JWT claims is not supported yet")
        elif name not in PSEUDO and TOKEN.match(name) is None:
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{name[:64]!r} is no header name")
        found.append((name.lower(), condition(one, where, report)))
    return tuple(found)


def _required(
    match: StringMatch | UnsetType, path: Path, report: Report, empty_prefix: bool = False
) -> Condition | None:
    """A condition for which mere presence would say nothing."""
    if match is UNSET:
        return None
    found = condition(match, path, report, empty_prefix)
    if found.kind is MatchKind.PRESENT:
        report.refuse(ProblemCode.REQUIRED, path, "one of exact, prefix and regex is required")
    return found


def condition(match: StringMatch, path: Path, report: Report, empty_prefix: bool = False) -> Condition:
    """Return a comparison in the rules' words; without any of the three it asks for presence."""
    given = [
        (kind, text)
        for kind, text in (
            (MatchKind.EXACT, match.exact),
            (MatchKind.PREFIX, match.prefix),
            (MatchKind.REGEX, match.regex),
        )
        if text is not UNSET
    ]
    if not given:
        return Condition(MatchKind.PRESENT)
    if len(given) > 1:
        report.refuse(ProblemCode.INVALID_VALUE, path, "only one of exact, prefix and regex may be given")
    kind, text = given[0]
    if kind is MatchKind.PREFIX and not text and not empty_prefix:
        report.refuse(
            ProblemCode.INVALID_VALUE, (*path, "prefix"), "an empty prefix says nothing", "{} asks for presence"
        )
    if kind is MatchKind.REGEX:
        if text == "*" and not empty_prefix:
            return Condition(MatchKind.PRESENT)
        try:
            full_match(text)
        except BadPattern as error:
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "regex"), str(error))
    return Condition(kind, text)
