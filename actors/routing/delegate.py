"""Delegates: routes of a rule set without hosts take the place of the route that names it, merged with it.

As in Istio: what the delegate's route says comes first, what it leaves out is the root's; its matches must lie within
the root's. Where they do not, Istio drops the route; here it is refused (`Clash`).
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ..messages.rule import DirectResponse, MatchKind, RouteMatch, RouteRule, RuleSet, StringMatch

Named = tuple[tuple[str, StringMatch], ...]


class Clash(ValueError):
    """A match of a delegate that holds for no request which the root's route hands over."""


def expand(root: RuleSet, delegates: Mapping[str, RuleSet]) -> RuleSet:
    """Return `root` with the routes of its delegates in the places that name them; itself where it names none.

    Where a bundle was forced in and a delegate is not there, or one of its matches cannot hold, the route answers 503.
    """
    if not any(rule.delegate for rule in root.routes):
        return root
    routes: list[RouteRule] = []
    for place, rule in enumerate(root.routes):
        if not rule.delegate:
            routes.append(rule)
            continue
        target = delegates.get(rule.delegate)
        if target is None:
            answer = DirectResponse(503, f"there is no VirtualService {rule.delegate!r}".encode())
            routes.append(replace(rule, direct=answer, delegate=f"http[{place}] → {rule.delegate}"))
            continue
        for index, one in enumerate(target.routes):
            try:
                merged = merge(rule, one)
            except Clash as clash:
                merged = replace(rule, direct=DirectResponse(503, str(clash).encode()))
            routes.append(replace(merged, delegate=f"http[{place}] → {rule.delegate} http[{index}]"))
    return replace(root, routes=tuple(routes))


def merge(root: RouteRule, one: RouteRule) -> RouteRule:
    """Return route `one` of a delegate as it stands in the place of `root`.

    Raises:
        Clash: one of its matches cannot hold.
    """
    own = one.request_headers is not None or one.response_headers is not None
    headers = one if own else root
    return replace(
        one,
        name=_joined(root.name, one.name),
        matches=_matches(root.matches, one.matches),
        timeout=root.timeout if one.timeout is None else one.timeout,
        retries=one.retries or root.retries,
        fault=one.fault or root.fault,
        rewrite=one.rewrite or root.rewrite,
        request_headers=headers.request_headers,
        response_headers=headers.response_headers,
        mirrors=one.mirrors or root.mirrors,
        cors=one.cors or root.cors,
    )


def _joined(root: str, one: str) -> str:
    return f"{root}-{one}" if root and one else root or one


def _matches(root: Sequence[RouteMatch], own: Sequence[RouteMatch]) -> tuple[RouteMatch, ...]:
    if not root or not own:
        return tuple(own or root)
    found: list[RouteMatch] = []
    for place, one in enumerate(own):
        reason = ""
        taken = False
        for outer in root:
            try:
                found.append(_both(outer, one))
                taken = True
            except Clash as clash:
                reason = reason or str(clash)
        if not taken:
            raise Clash(f"its match {place} lies outside of what is handed over: {reason}")
    return tuple(found)


def _both(root: RouteMatch, one: RouteMatch) -> RouteMatch:
    """The match of requests for which both hold."""
    if root.uri is not None and one.uri is not None and root.ignore_uri_case != one.ignore_uri_case:
        raise Clash("one ignores the path's case, the other does not")
    case = one.ignore_uri_case if one.uri is not None else root.ignore_uri_case
    if root.port is not None and one.port is not None and root.port != one.port:
        raise Clash(f"port {one.port} is not {root.port}")
    if root.source_namespace and one.source_namespace not in ("", root.source_namespace):
        raise Clash(f"source namespace {one.source_namespace!r} is not {root.source_namespace!r}")
    for name, value in one.source_labels.items():
        if root.source_labels.get(name, value) != value:
            raise Clash(f"source label {name}={value} is not {root.source_labels[name]!r}")
    if root.gateways and not set(one.gateways) <= set(root.gateways):
        raise Clash(f"gateways {', '.join(one.gateways)} are not among {', '.join(root.gateways)}")
    return RouteMatch(
        name=_joined(root.name, one.name),
        uri=_within("path", root.uri, one.uri, case),
        ignore_uri_case=case,
        scheme=_within("scheme", root.scheme, one.scheme),
        method=_within("method", root.method, one.method),
        authority=_within("authority", root.authority, one.authority),
        headers=_named("header", root.headers, one.headers),
        without_headers=_without(root.without_headers, one.without_headers),
        query=_named("query parameter", root.query, one.query),
        port=root.port if one.port is None else one.port,
        source_labels={**root.source_labels, **one.source_labels},
        source_namespace=one.source_namespace or root.source_namespace,
        gateways=one.gateways or root.gateways,
        stat_prefix=one.stat_prefix or root.stat_prefix,
    )


def _within(
    what: str, root: StringMatch | None, one: StringMatch | None, ignore_case: bool = False
) -> StringMatch | None:
    """The narrower of two conditions on one text."""
    if root is None or one is None or root == one:
        return one if root is None else root
    if MatchKind.PRESENT in (root.kind, one.kind):
        return one if root.kind is MatchKind.PRESENT else root
    outer, inner = (root.value.lower(), one.value.lower()) if ignore_case else (root.value, one.value)
    if MatchKind.REGEX not in (root.kind, one.kind):
        if root.kind is MatchKind.PREFIX and inner.startswith(outer):
            return one
        if root.kind is one.kind and inner == outer:
            return one
    raise Clash(f"{what} {one.kind.name.lower()} {one.value!r} is not within {root.kind.name.lower()} {root.value!r}")


def _named(what: str, root: Named, one: Named) -> Named:
    found: dict[str, StringMatch] = dict(root)
    for name, text in one:
        narrower = _within(f"{what} {name}", found.get(name), text)
        assert narrower is not None
        found[name] = narrower
    return tuple(found.items())


def _without(root: Named, one: Named) -> Named:
    found = dict(root)
    for name, text in one:
        if found.setdefault(name, text) != text:
            raise Clash(f"both exclude header {name}, each in another way")
    return tuple(found.items())
