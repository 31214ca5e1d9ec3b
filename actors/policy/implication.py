"""Whether one match takes all that another could: decided from the conditions alone, and only where it is certain."""

from collections.abc import Sequence

from ..messages.rule import MatchKind, RouteMatch, StringMatch

_EVERYTHING = (".*", "^.*$", ".*$", "^.*")
Pairs = Sequence[tuple[str, StringMatch]]


def takes(first: RouteMatch, second: RouteMatch) -> bool:
    """Return whether every request that `second` matches is one that `first` matches; False where it is unknown."""
    return (
        _uri(first, second)
        and _text(first.scheme, second.scheme)
        and _text(first.method, second.method)
        and _text(first.authority, second.authority)
        and _each(first.headers, second.headers)
        and _each(first.query, second.query)
        and all(one in second.without_headers for one in first.without_headers)
        and first.port in (None, second.port)
        and first.source_labels.items() <= second.source_labels.items()
        and first.source_namespace in ("", second.source_namespace)
        and (not first.gateways or (bool(second.gateways) and set(second.gateways) <= set(first.gateways)))
    )


def _uri(first: RouteMatch, second: RouteMatch) -> bool:
    one, other = first.uri, second.uri
    if one is None or anywhere(one):
        return True
    if other is None:
        return False
    if MatchKind.REGEX in (one.kind, other.kind):
        return one == other
    if second.ignore_uri_case and not first.ignore_uri_case:
        return False
    if first.ignore_uri_case:
        one = StringMatch(one.kind, one.value.lower())
        other = StringMatch(other.kind, other.value.lower())
    return _narrower(one, other)


def anywhere(uri: StringMatch) -> bool:
    """Return whether every path has it."""
    if uri.kind is MatchKind.PREFIX:
        return uri.value in ("", "/")
    return uri.kind is MatchKind.REGEX and uri.value in _EVERYTHING


def _text(one: StringMatch | None, other: StringMatch | None) -> bool:
    return one is None or (other is not None and _narrower(one, other))


def _narrower(one: StringMatch, other: StringMatch) -> bool:
    """Whether every text that `other` takes is one that `one` takes."""
    if one == other:
        return True
    if one.kind is MatchKind.PRESENT:
        return True
    return (
        one.kind is MatchKind.PREFIX
        and other.kind in (MatchKind.EXACT, MatchKind.PREFIX)
        and other.value.startswith(one.value)
    )


def _each(first: Pairs, second: Pairs) -> bool:
    return all(any(name == other and _narrower(one, its) for other, its in second) for name, one in first)
