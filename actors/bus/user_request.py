"""What users ask over the bus: YAML or JSON text in, JSON out, answered at once."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import yaml

from ..messages.error import InvalidName, MeshError, Refused, TooLarge, Undecodable
from ..messages.subject import Subjects
from .bus import Bus, Subscription
from .reply import may_answer

_LIMIT = 16 * 1024  # bytes of a question; policy bundles have their own way in
_DEPTH = 8  # levels of YAML in a question: PyYAML needs seconds for a few thousand open brackets
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built so: 50 times as fast

Answer = Callable[[Mapping[str, Any]], Any]
"""Takes the question, returns what goes out as JSON; may raise a `MeshError`."""


def parse(payload: bytes) -> dict[str, Any]:
    """Return the one mapping in `payload`; nothing at all is an empty one.

    Raises:
        Undecodable: it is neither JSON nor YAML, too large, or no mapping.
    """
    if not payload.strip():
        return {}
    if len(payload) > _LIMIT:
        raise Undecodable(f"the request has {len(payload)} bytes, at most {_LIMIT} are taken")
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _yaml(payload)
    try:
        return msgspec.convert(found, type=dict[str, Any])
    except msgspec.ValidationError as error:
        raise Undecodable(f"the request is no mapping of names: {error}") from None


def _yaml(payload: bytes) -> Any:
    try:
        text = payload.decode()
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH:
                raise Undecodable(f"the request is more than {_DEPTH} levels deep")
            if isinstance(event, yaml.AliasEvent):  # a few nested aliases can stand for gigabytes
                raise Undecodable("the request uses YAML aliases")
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one
    # PyYAML lets the errors of what it builds (dates, numbers, unhashable keys) through as they are.
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
        RecursionError,
    ) as error:
        raise Undecodable(f"the request is neither JSON nor YAML: {type(error).__name__}") from None


def text_field(request: Mapping[str, Any], name: str) -> str:
    """Return a text of a question, empty when it is not there.

    Raises:
        Refused: it is there and no text.
    """
    value = request.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"`{name}` is no text")
    return value


def number_field(request: Mapping[str, Any], name: str, default: int, most: int = 2**53) -> int:
    """Return a whole number of a question, between 0 and `most`.

    Raises:
        Refused: it is there and no such number.
    """
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Refused(f"`{name}` is no whole number between 0 and {most}")
    return value


def refusal(error: MeshError) -> dict[str, Any]:
    """Return the answer that says why there is none, as the public API shapes it."""
    return {"errors": [{"code": error.code.value, "document": "", "path": "", "message": str(error), "hint": ""}]}


def send_json(bus: Bus, reply: bytes, answer: Any) -> None:
    """Publish an answer as JSON, if one is wanted; one that the bus does not take becomes an error that it takes.

    Never raises: a lost connection has lost its asker too.
    """
    if not reply:
        return
    try:
        bus.publish(reply, msgspec.json.encode(answer))
    except TooLarge as error:
        with contextlib.suppress(MeshError):  # whose subject may be too long itself
            bus.publish(reply, msgspec.json.encode(refusal(error)))
    except MeshError:
        pass


class UserSubjects:
    """Serves user subjects whose answers need no waiting."""

    def __init__(self, bus: Bus, subjects: Subjects, queue: bytes) -> None:
        self.bus = bus
        self.undecodable = 0
        self._subjects = subjects
        self._queue = queue
        self._subscriptions: list[Subscription] = []

    def serve(self, subject: bytes, answer: Answer) -> None:
        """Answer what comes on `subject`."""

        def deliver(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
            if not may_answer(self._subjects, reply):
                return
            try:
                out = answer(parse(payload))
            except Undecodable as error:
                self.undecodable += 1
                out = refusal(error)
            except (Refused, InvalidName) as error:
                out = refusal(error)
            send_json(self.bus, reply, out)

        self._subscriptions.append(self.bus.subscribe(subject, deliver, self._queue))

    def close(self) -> None:
        """Stop serving."""
        for subscription in self._subscriptions:
            subscription.unsubscribe()
        self._subscriptions.clear()
