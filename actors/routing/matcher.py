"""Conditions on a request: each rule match becomes a short list of compiled predicates with a text for people.

A header's value is all its fields joined by commas; baggage stands in for a header that is not there; names that begin
with a colon are HTTP/2's pseudo headers. Query parameters are compared as they were sent, the first of a name counts.
"""

from collections.abc import Callable
from typing import NamedTuple

from ..messages.rule import MatchKind, RouteMatch, StringMatch
from .regex import full_match
from .view import RequestView

Test = Callable[[RequestView], bool]
Look = Callable[[RequestView], str | None]


class Condition(NamedTuple):
    """One condition of a match."""

    test: Test
    text: str
    """What is wanted, in words."""
    look: Look
    """What the request has there."""

    def failure(self, view: RequestView) -> str:
        """Return the sentence that says why the condition does not hold."""
        seen = self.look(view)
        return f"{self.text}, but it is {'absent' if seen is None else repr(seen)}"


def predicate(match: StringMatch) -> Callable[[str], bool]:
    """Return the compiled comparison of `match` with a text that is there.

    Raises:
        BadPattern: its regex is no RE2.
    """
    value = match.value
    if match.kind is MatchKind.EXACT:
        return value.__eq__
    if match.kind is MatchKind.PREFIX:
        return lambda text: text.startswith(value)
    if match.kind is MatchKind.REGEX:
        return full_match(value)
    return lambda text: True


def wording(match: StringMatch) -> str:
    """Return `match` in words."""
    return "present" if match.kind is MatchKind.PRESENT else f"{match.kind.name.lower()} {match.value!r}"


def header(name: str) -> Look:
    """Return what reads the value of header `name`, None where there is none."""
    if name.startswith(":"):
        attribute = {":method": "method", ":authority": "authority", ":scheme": "scheme", ":path": "path"}.get(name)
        return (lambda view: getattr(view, attribute)) if attribute else (lambda view: None)

    def look(view: RequestView) -> str | None:
        found: str | None = None
        for key, value in view.headers:
            if key == name:
                found = value if found is None else f"{found},{value}"
        if found is None:
            found = view.baggage.get(name)
            if found is None and name == "host":
                found = view.authority
        return found

    return look


def parameter(name: str) -> Look:
    """Return what reads the first query parameter `name`, None where there is none."""
    start = name + "="

    def look(view: RequestView) -> str | None:
        if name not in view.query:
            return None
        for part in view.query.split("&"):
            if part.startswith(start):
                return part[len(start) :]
            if part == name:
                return ""
        return None

    return look


def wanted(look: Look, match: StringMatch) -> Test:
    """Return the test that the text is there and matches."""
    holds = predicate(match)

    def test(view: RequestView) -> bool:
        text = look(view)
        return text is not None and holds(text)

    return test


def unwanted(look: Look, match: StringMatch) -> Test:
    """Return the test of `withoutHeaders`: here a missing header counts as the empty text, unless presence is asked."""
    if match.kind is MatchKind.PRESENT:
        return lambda view: look(view) is None
    holds = predicate(match)
    return lambda view: not holds(look(view) or "")


def uri(match: StringMatch, ignore_case: bool) -> Test:
    """Return the test of the path; case is ignored for exact and prefix only."""
    if match.kind is MatchKind.PRESENT:
        return lambda view: True
    value = match.value
    if match.kind is MatchKind.REGEX:
        holds = full_match(value)
        return lambda view: holds(view.path)
    if ignore_case:
        lower = value.lower()
        if match.kind is MatchKind.EXACT:
            return lambda view: view.path.lower() == lower
        return lambda view: view.path.lower().startswith(lower)
    if match.kind is MatchKind.EXACT:
        return lambda view: view.path == value
    return lambda view: view.path.startswith(value)


def authority(match: StringMatch) -> Test:
    """Return the test of the authority, which may hold with its port or without it."""
    holds = predicate(match)

    def test(view: RequestView) -> bool:
        text = view.authority
        return holds(text) or holds(without_port(text))

    return test


def without_port(text: str) -> str:
    """Return a host without `:port`; the colons of an IPv6 address in brackets stay."""
    head, colon, port = text.rpartition(":")
    return head if colon and port.isdigit() and (":" not in head or head.endswith("]")) else text


def conditions(match: RouteMatch, unnamed: int | None = None) -> tuple[Condition, ...]:
    """Return the compiled conditions of one match, cheap ones first; all of them must hold.

    Args:
        match: what they are compiled from.
        unnamed: the port of requests that name none; None where such a request has no port.

    Raises:
        BadPattern: one of its regexes is no RE2.
    """
    found: list[Condition] = []

    def add(test: Test, text: str, look: Look) -> None:
        found.append(Condition(test, text, look))

    if match.uri is not None:
        note = ", in any case" if match.ignore_uri_case else ""
        add(uri(match.uri, match.ignore_uri_case), f"path wants {wording(match.uri)}{note}", lambda view: view.path)
    if match.method is not None:
        look: Look = lambda view: view.method  # noqa: E731
        add(wanted(look, match.method), f"method wants {wording(match.method)}", look)
    if match.scheme is not None:
        look = lambda view: view.scheme  # noqa: E731
        add(wanted(look, match.scheme), f"scheme wants {wording(match.scheme)}", look)
    if match.port is not None:
        port = match.port
        add(lambda view: (view.port or unnamed) == port, f"port wants {port}", lambda view: str(view.port or unnamed))
    if match.authority is not None:
        add(authority(match.authority), f"authority wants {wording(match.authority)}", lambda view: view.authority)
    if match.source_namespace:
        space = match.source_namespace
        add(
            lambda view: view.source_namespace == space,
            f"source namespace wants {space!r}",
            lambda view: view.source_namespace,
        )
    if match.source_labels:
        add(_labels(match.source_labels), f"source labels want {match.source_labels!r}", _shown_labels)
    for name, text in match.headers:
        look = header(name)
        add(wanted(look, text), f"header {name} wants {wording(text)}", look)
    for name, text in match.without_headers:
        look = header(name)
        add(unwanted(look, text), f"header {name} wants not {wording(text)}", look)
    for name, text in match.query:
        look = parameter(name)
        add(wanted(look, text), f"query parameter {name} wants {wording(text)}", look)
    return tuple(found)


def _labels(labels: dict[str, str]) -> Test:
    pairs = tuple(labels.items())

    def test(view: RequestView) -> bool:
        have = view.source_labels
        return all(have.get(name) == value for name, value in pairs)

    return test


def _shown_labels(view: RequestView) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(view.source_labels.items()))
