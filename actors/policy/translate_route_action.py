"""A VirtualService's rewrites, redirects and own answers: checked, and put in the rules' words."""

import re
from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from ..messages.rule import DirectResponse, Redirect, Rewrite, RouteMatch
from ..routing.edit import AUTHORITY
from ..routing.redirect import PORTS
from ..routing.regex import BadPattern, substitute
from ..routing.rewrite import matched_prefix
from .istio_route_action import HTTPDirectResponse, HTTPRedirect, HTTPRewrite
from .istio_virtual_service import HTTPRoute
from .problem import Path, ProblemCode, Report
from .translate_headers import check_authority

CODES = (301, 302, 303, 307, 308)
"""Statuses that a redirect may have."""
LARGE = 100 * 1024
"""Bytes of a direct response's body above which a warning is given."""
LARGEST = 1024 * 1024
"""Bytes of a direct response's body above which it is refused."""

_URI = re.compile(r"[!$&'()*+,\-./0-9:;=@A-Z_a-z~%\[\]|^{}]*\Z")


def check_alone(route: HTTPRoute, path: Path, report: Report) -> None:
    """Refuse what excludes a route's redirect or own answer; warn of what has no effect beside it."""
    own = "redirect" if route.redirect is not UNSET else "directResponse"
    excluded = {"route": bool(route.route), "fault": route.fault is not UNSET, "rewrite": route.rewrite is not UNSET}
    if own == "redirect":
        excluded["directResponse"] = route.direct_response is not UNSET
    for field, given in excluded.items():
        if given:
            report.refuse(ProblemCode.INVALID_VALUE, (*path, field), f"{own} and {field} exclude each other")
    idle = {"timeout": route.timeout is not UNSET, "retries": route.retries is not UNSET}
    for field, given in idle.items():
        if given:
            message = f"{field} has no effect beside {own}: nothing is sent on"
            report.warn(ProblemCode.NO_EFFECT, (*path, field), message)
    if route.headers is not UNSET and route.headers.request is not UNSET:
        message = f"changes of the request have no effect beside {own}: it is not sent on"
        report.warn(ProblemCode.NO_EFFECT, (*path, "headers", "request"), message)


def check_authorities(route: HTTPRoute, path: Path, report: Report) -> None:
    """Refuse a route that sets the authority by its rewrite and by its headers, too."""
    if route.rewrite is UNSET or route.rewrite.authority is UNSET or route.headers is UNSET:
        return
    request = route.headers.request
    for form, fields in () if request is UNSET else (("set", request.set), ("add", request.add)):
        for name in fields:
            if name.lower() in AUTHORITY:
                message = f"the rewrite sets the authority already: {route.rewrite.authority[:64]!r}"
                report.refuse(ProblemCode.INVALID_VALUE, (*path, "headers", "request", form, name), message)


def route_rewrite(rewrite: HTTPRewrite | UnsetType, path: Path, report: Report) -> Rewrite | None:
    """Return a route's rewrite, None where there is none."""
    if rewrite is UNSET:
        return None
    if rewrite.uri is UNSET and rewrite.authority is UNSET and rewrite.uri_regex_rewrite is UNSET:
        report.missing(path, "a rewrite needs its uri, authority or uriRegexRewrite")
    if rewrite.uri is not UNSET:
        _check_uri(rewrite.uri, (*path, "uri"), report, query=False)
    if rewrite.authority is not UNSET:
        check_authority(rewrite.authority, (*path, "authority"), report)
    pattern = substitution = ""
    if rewrite.uri_regex_rewrite is not UNSET:
        where = (*path, "uriRegexRewrite")
        pattern, substitution = rewrite.uri_regex_rewrite.match, _or_empty(rewrite.uri_regex_rewrite.rewrite)
        if rewrite.uri is not UNSET:
            report.refuse(ProblemCode.INVALID_VALUE, where, "uri and uriRegexRewrite exclude each other")
        if not pattern:
            report.missing((*where, "match"), "a uriRegexRewrite needs its match, a regex")
        elif rewrite.uri_regex_rewrite.rewrite is UNSET:
            report.missing((*where, "rewrite"), "a uriRegexRewrite needs its rewrite", "'' takes out what it matches")
        elif _URI.match(substitution.replace("\\", "")) is None:
            _refuse_uri(substitution, (*where, "rewrite"), report)
        else:
            try:
                substitute(pattern, substitution)
            except BadPattern as error:
                field = "rewrite" if "substitution" in str(error) else "match"
                report.refuse(ProblemCode.INVALID_VALUE, (*where, field), str(error))
    return Rewrite(_or_none(rewrite.uri), _or_empty(rewrite.authority), pattern, substitution)


def route_redirect(
    redirect: HTTPRedirect | UnsetType, matches: Sequence[RouteMatch], path: Path, report: Report
) -> Redirect | None:
    """Return a route's redirect, None where there is none."""
    if redirect is UNSET:
        return None
    given = [redirect.uri, redirect.prefix_rewrite, redirect.authority, redirect.scheme]
    if all(one is UNSET for one in (*given, redirect.port, redirect.derive_port)):
        report.missing(path, "a redirect needs its uri, authority, scheme or port")
    if redirect.uri is not UNSET:
        _check_uri(redirect.uri, (*path, "uri"), report, query=True)
    if redirect.prefix_rewrite is not UNSET:
        _check_prefix(redirect, matches, (*path, "prefixRewrite"), report)
    if redirect.authority is not UNSET:
        check_authority(redirect.authority, (*path, "authority"), report)
    if redirect.scheme is not UNSET and redirect.scheme not in PORTS:
        message = f"{redirect.scheme[:64]!r} is neither http nor https"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "scheme"), message)
    if redirect.port is not UNSET and redirect.derive_port is not UNSET:
        message = "port and derivePort exclude each other"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "derivePort"), message)
    code = 301 if redirect.redirect_code is UNSET else redirect.redirect_code
    if code not in CODES:
        hint = "one of " + ", ".join(map(str, CODES))
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "redirectCode"), f"{code} does not redirect", hint)
    return Redirect(
        _or_empty(redirect.uri),
        _or_none(redirect.prefix_rewrite),
        _or_empty(redirect.authority),
        _or_empty(redirect.scheme),
        None if redirect.port is UNSET else redirect.port,
        "" if redirect.derive_port is UNSET else redirect.derive_port.value,
        code,
    )


def _check_prefix(redirect: HTTPRedirect, matches: Sequence[RouteMatch], path: Path, report: Report) -> None:
    assert redirect.prefix_rewrite is not UNSET
    _check_uri(redirect.prefix_rewrite, path, report, query=False)
    if redirect.uri is not UNSET:
        report.refuse(ProblemCode.INVALID_VALUE, path, "uri and prefixRewrite exclude each other")
    if any(matched_prefix(one) is None for one in matches):
        report.refuse(ProblemCode.INVALID_VALUE, path, "every match must be of a uri prefix, which is what it replaces")


def route_answer(response: HTTPDirectResponse | UnsetType, path: Path, report: Report) -> DirectResponse | None:
    """Return the answer that a route gives, None where it gives none."""
    if response is UNSET:
        return None
    status = 0
    if response.status is UNSET:
        report.missing((*path, "status"), "a directResponse needs its status")
    else:
        status = response.status
    body = b""
    if response.body is not UNSET:
        where = (*path, "body")
        text, data = response.body.string, response.body.bytes
        if text is not UNSET and data is not UNSET:
            report.refuse(ProblemCode.INVALID_VALUE, where, "only one of string and bytes may be given")
        elif text is not UNSET:
            body = text.encode("utf-8", "surrogatepass")
        elif data is not UNSET:
            body = bytes(data)
        if len(body) > LARGEST:
            message = f"the body has {len(body)} bytes, {LARGEST} are allowed"
            report.refuse(ProblemCode.INVALID_VALUE, where, message)
        elif len(body) > LARGE:
            message = f"the body has {len(body)} bytes: more than {LARGE} weigh on every node"
            report.warn(ProblemCode.LARGE, where, message, "answer large bodies by a service")
        if body and status in (204, 205, 304):
            report.warn(ProblemCode.NO_EFFECT, where, f"an answer with status {status} has no body")
    return DirectResponse(status, body)


def _check_uri(uri: str, path: Path, report: Report, *, query: bool) -> None:
    before, mark, after = uri.partition("?")
    if not uri:
        report.refuse(ProblemCode.INVALID_VALUE, path, "an empty path is none", "'/' takes the matched prefix off")
    elif _URI.match(before) is None or (query and _URI.match(after.replace("?", "")) is None):
        _refuse_uri(uri, path, report)
    elif mark and not query:
        report.refuse(ProblemCode.INVALID_VALUE, path, "a rewrite's path has no query: the request keeps its own")
    elif not uri.startswith("/"):
        report.warn(ProblemCode.NO_EFFECT, path, f"{uri[:64]!r} is taken for '/{uri[:64]}': paths begin with '/'")


def _refuse_uri(text: str, path: Path, report: Report) -> None:
    message = f"{text[:64]!r} holds a character that no path may hold"
    report.refuse(ProblemCode.INVALID_VALUE, path, message, "percent-encode it")


def _or_empty(value: str | UnsetType) -> str:
    return "" if value is UNSET else value


def _or_none(value: str | UnsetType) -> str | None:
    return None if value is UNSET else value
