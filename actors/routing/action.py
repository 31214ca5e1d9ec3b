"""What a route does to requests and answers besides sending them on, compiled for one match and one destination."""

from collections.abc import Callable, Iterator

from ..messages.rule import Destination, DirectResponse, RouteMatch, RouteRule
from .cors import CrossOrigin
from .edit import Edit, compile_edit, set_authority, without_authority
from .redirect import Redirection
from .rewrite import path_rewrite
from .upstream import Upstream, any_callers
from .view import RequestView


class Action:
    """Everything that is not a destination; each part is None (the authority empty) where the route has it not."""

    __slots__ = ("answer", "authority", "cors", "mirrors", "path", "request", "response", "stat")

    def __init__(
        self,
        cors: CrossOrigin | None,
        answer: Redirection | DirectResponse | None,
        path: Callable[[str], str] | None,
        authority: str,
        request: Edit | None,
        response: Edit | None,
        mirrors: tuple[tuple[float, Upstream], ...] = (),
        stat: str = "",
    ) -> None:
        self.cors = cors
        self.answer = answer
        """The route answers by itself."""
        self.path = path
        """What becomes of the path."""
        self.authority = authority
        """What the authority becomes."""
        self.request = request
        self.response = response
        self.mirrors = mirrors
        """(percent, where to) of the copies."""
        self.stat = stat
        """Requests are counted by this name besides."""

    def steps(self) -> tuple[str, ...]:
        """Return the names of its parts in the order in which they act."""
        parts = (
            ("cors", self.cors),
            ("redirect" if isinstance(self.answer, Redirection) else "direct response", self.answer),
            ("rewrite", self.path or self.authority),
            ("headers", self.request or self.response),
        )
        return tuple(name for name, part in parts if part)

    def wording(self, view: RequestView) -> str:
        """Return what it does to a request, in words."""
        return ", ".join(self._words(view))

    def _words(self, view: RequestView) -> Iterator[str]:
        if self.cors is not None:
            yield "answers preflights" if self.cors.preflight(view) is None else "answers this preflight"
        if isinstance(self.answer, Redirection):
            yield f"redirects by {self.answer.status} to {self.answer.location(view)}"
        elif self.answer is not None:
            yield f"answers {self.answer.status} by itself"
        if self.path is not None:
            yield f"rewrites the path to {self.path(view.path)!r}"
        if self.authority:
            yield f"rewrites the authority to {self.authority!r}"
        for percent, upstream in self.mirrors:
            yield f"copies {percent:g} % to {upstream.service} {upstream.subset}".rstrip()
        for edit, what in ((self.request, "the request"), (self.response, "the answer")):
            if edit is not None:
                names = sorted(edit.drop | {name for name, _ in edit.append})
                yield f"changes of {what}'s headers {', '.join(names)}"


def compile_action(
    rule: RouteRule,
    match: RouteMatch,
    destination: Destination | None,
    upstream: Callable[[str, str, int | None], Upstream] | None = None,
) -> Action | None:
    """Return what a route does to requests that `match` took and that go to `destination`; None for nothing.

    The authority is that of the rewrite, else the route's headers', else the destination's; of other headers the
    destination's change comes last.

    Raises:
        BadPattern: a regex is no RE2.
    """
    goal = destination or Destination("")
    answer = Redirection(rule.redirect, match) if rule.redirect is not None else rule.direct
    path, authority = None, ""
    if rule.rewrite is not None:
        path, authority = path_rewrite(rule.rewrite, match), rule.rewrite.authority
    action = Action(
        None if rule.cors is None else CrossOrigin(rule.cors),
        answer,
        path,
        authority or set_authority(rule.request_headers) or set_authority(goal.request_headers),
        compile_edit([without_authority(rule.request_headers), without_authority(goal.request_headers)]),
        compile_edit([without_authority(rule.response_headers), without_authority(goal.response_headers)]),
        () if upstream is None else tuple(_mirrors(rule, upstream)),
        match.stat_prefix,
    )
    return action if action.steps() or action.mirrors or action.stat else None


def _mirrors(rule: RouteRule, upstream: Callable[[str, str, int | None], Upstream]) -> Iterator[tuple[float, Upstream]]:
    for one in rule.mirrors:
        goal = any_callers(upstream(one.service, one.subset, one.port))
        if one.percent and goal.known:
            yield one.percent, goal
