"""Handlers of events: which method takes which topic, for which group, and how its one argument is read."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_type_hints

import msgspec

from ..messages.envelope import CallFrame
from ..messages.name import token
from ..messages.name import topic as checked_topic
from .request import Request

F = TypeVar("F", bound=Callable[..., Any])
Read = Callable[[CallFrame], Any]
"""Makes a handler's argument of an event; raises one of `UNREADABLE`."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What is raised for bytes that are no event of the handler's type."""

MARK = "__plait_events__"
_OWN = object()


def on(topic: str, *, group: str | None = None, each: bool = False) -> Callable[[F], F]:
    """Have the decorated method handle the events of a topic such as `orders.created`.

    The annotation of its one argument says how an event is read: `bytes` and `str` as it came, `Request` for everything
    about it, any other type from JSON.

    Args:
        topic: dot-joined words.
        group: who shares the events: each group gets each event once, by one of its members. By default that is the
            service, with all of its versions and instances.
        each: every instance gets every event.

    Raises:
        ValueError: the topic or the group is none, or what is decorated is no method with one argument.
    """
    checked_topic(topic)
    if group is not None:
        if each:
            raise ValueError(
                f"@on({topic!r}): each instance gets every event, or one of group {group!r} does, not both"
            )
        token(group, "group")
    wanted: object = "" if each else _OWN if group is None else group

    def mark(function: F) -> F:
        if not inspect.isfunction(cast("object", function)):
            raise ValueError(f"@on({topic!r}) stands on a method, not on {type(function).__name__} {function!r}")
        _check(function, topic)
        marks: list[tuple[str, object]] = getattr(function, MARK, [])
        setattr(function, MARK, [*marks, (topic, wanted)])
        return function

    return mark


def _check(function: Callable[..., Any], topic: str) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) != 2 or any(one.kind not in _POSITIONAL for one in parameters):
        raise ValueError(f"@on({topic!r}): {function.__qualname__} has to take one argument beside self, the event")


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Handler:
    """One handler and how its argument is made."""

    __slots__ = ("function", "name", "read")

    def __init__(self, function: Callable[..., Any], topic: str) -> None:
        self.function = function
        self.name = f"EVENT {topic}"
        argument = list(inspect.signature(function).parameters)[1]
        kind = get_type_hints(function).get(argument, Any)
        try:
            self.read: Read = _reader(kind)
        except TypeError as error:
            raise ValueError(f"@on({topic!r}): {function.__qualname__} cannot be given events: {error}") from None


def _reader(kind: Any) -> Read:
    if kind is Request:
        return lambda frame: Request(frame, {})
    if kind is bytes:
        return lambda frame: frame.body
    if kind is str:
        return lambda frame: frame.body.decode()
    decode = msgspec.json.Decoder(kind).decode
    return lambda frame: decode(frame.body)


Interests = dict[tuple[str, str], Handler]
"""A service's handlers by topic and group; the group is empty for what every instance gets."""


def interests_of(kind: type, own: str) -> Interests:
    """Return the handlers that a service class and its bases declare; a subclass's method replaces its base's.

    `own` is the service's token, its group where a handler names none.

    Raises:
        ValueError: two handlers want the events of one topic for one group, or an argument's type cannot be read.
    """
    found: Interests = {}
    seen: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        seen.update(vars(base))
    for function in seen.values():
        for topic, wanted in cast("list[tuple[str, Any]]", getattr(function, MARK, [])):
            key = (topic, own if wanted is _OWN else wanted)
            if key in found:
                where = f"group {key[1]!r}" if key[1] else "each instance"
                raise ValueError(
                    f"{kind.__qualname__} has two handlers of {topic!r} for {where}: give one of them its own group"
                )
            found[key] = Handler(function, topic)
    return found
