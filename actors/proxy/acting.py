"""A route's action at work: the request is changed before it is sent, or answered here; the answer is changed after.

It costs no coroutine: it waits for nothing. All attempts of a call see the request as it was changed once.
"""

import msgspec

from ...tracing.baggage import DEFAULT_NAMES
from ..messages.envelope import VERSION, Headers, ReplyFrame
from ..messages.error import MeshError
from ..messages.priority import HEADER as PRIORITY
from ..routing.action import Action
from ..routing.edit import Edit
from ..routing.redirect import Redirection
from .call import Call
from .waiting import Done

_TRAVELS = frozenset((*DEFAULT_NAMES, PRIORITY))
_ORIGINAL = "x-envoy-original-path"
_VARIES = ("vary", "origin")
"""Tells caches that another origin, or none, gets another answer: one page's permission is not the next one's."""


def act(action: Action, call: Call, done: Done) -> tuple[Done, ReplyFrame | None]:
    """Change the request; return what takes the outcome in place of `done`, and the answer where the route gives it."""
    fields: Headers | None = None
    if action.cors is not None:
        preflight = action.cors.preflight(call)
        if preflight is not None:
            return done, ReplyFrame(VERSION, 200, preflight, b"")
        fields = action.cors.fields(call)
    answer: ReplyFrame | None = None
    if action.answer is not None:
        answer = _answer(action, call)
    else:
        _change(action, call)
    if fields is not None or action.response is not None:
        return _Ending(call, action.response, fields, done).take, answer
    return done, answer


def _answer(action: Action, call: Call) -> ReplyFrame:
    answer = action.answer
    if isinstance(answer, Redirection):
        return ReplyFrame(VERSION, answer.status, [("location", answer.location(call))], b"")
    assert answer is not None
    return ReplyFrame(VERSION, answer.status, [("content-type", "text/plain")] if answer.body else [], answer.body)


def _change(action: Action, call: Call) -> None:
    if action.path is not None:
        original = f"{call.path}?{call.query}" if call.query else call.path
        call.path = action.path(call.path)
        call.headers[:] = [field for field in call.headers if field[0] != _ORIGINAL]
        call.headers.append((_ORIGINAL, original))
    if action.authority:
        call.authority = action.authority
    if action.request is not None:
        action.request.apply_with_baggage(call.headers, call.baggage, _TRAVELS)


class _Ending(msgspec.Struct, eq=False):
    """What becomes of an answer on its way back."""

    call: Call
    response: Edit | None
    fields: Headers | None
    """Of CORS, None for a route without it: browsers want them on errors too."""
    done: Done

    def take(self, outcome: ReplyFrame | MeshError) -> None:
        """Change the outcome and hand it on, unchanged where that fails: nobody is left waiting."""
        try:
            self._change(outcome)
        finally:
            self.done(outcome)

    def _change(self, outcome: ReplyFrame | MeshError) -> None:
        fields = self.fields
        if isinstance(outcome, MeshError):
            if fields is not None:
                self.call.error_headers = [*fields, _VARIES]
        else:
            if self.response is not None:
                self.response.apply(outcome.headers)
            if fields is not None:
                names = {name for name, _ in fields}
                outcome.headers[:] = [field for field in outcome.headers if field[0] not in names]
                outcome.headers.extend(fields)
                if not _varies(outcome.headers):
                    outcome.headers.append(_VARIES)


def _varies(headers: Headers) -> bool:
    """Whether the service says itself that its answer is for one origin, or for one request alone."""
    said = ",".join(value for name, value in headers if name == "vary").lower()
    return any(one.strip() in ("origin", "*") for one in said.split(","))
