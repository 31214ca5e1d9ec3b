"""Copy semantics: a message to the next actor is as separate from its sender as one to another node.

What cannot change is handed over as it is; all else is encoded and decoded again, exactly as it would travel.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ..messages.error import BadMessage, BadReply, HandlerFailed, InvalidName
from .immutable import ATOMS, is_fixed
from .ref import Ref

if TYPE_CHECKING:
    from .surroundings import Surroundings


def _ref_out(value: Any) -> Any:
    if isinstance(value, Ref):
        return value.address
    raise NotImplementedError(f"a {type(value).__name__} is nothing that msgspec encodes")


_encode = msgspec.msgpack.Encoder(enc_hook=_ref_out).encode


class Copier:
    """Encodes and decodes what one node's actors send; references come out bound to this node."""

    def __init__(self, surroundings: "Surroundings") -> None:
        self._surroundings = surroundings
        self._decoders: dict[Any, Callable[[bytes], Any]] = {}

    def encode(self, message: Any) -> bytes:
        """Return `message` as it travels.

        Raises:
            BadMessage: it cannot.
        """
        try:
            return _encode(message)
        except (TypeError, ValueError, OverflowError, NotImplementedError, RecursionError) as error:
            raise BadMessage(f"a {type(message).__name__} cannot travel to an actor: {error}") from None

    def decode(self, payload: bytes, kind: Any) -> Any:
        """Return what was sent, as a value of the type `kind`.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is none.
        """
        return (self._decoders.get(kind) or self.decoder(kind))(payload)

    def decoder(self, kind: Any) -> Callable[[bytes], Any]:
        """Return what `decode` does for `kind`, for those who keep it: to look up a union takes longer than to decode.

        It raises what `decode` raises.
        """
        found = self._decoders.get(kind)
        if found is None:
            found = self._decoders[kind] = msgspec.msgpack.Decoder(kind, dec_hook=self._ref_in).decode
        return found

    def _ref_in(self, kind: type, value: Any) -> Any:
        if kind is Ref:
            if not isinstance(value, str):
                raise InvalidName(f"an actor's address is a text, this one is {value!r}")
            return Ref.to(value, self._surroundings)
        raise NotImplementedError(f"{kind.__name__} is nothing that msgspec decodes")

    def isolate(self, message: Any) -> Any:
        """Return `message`, or a copy of it where it could be changed.

        Raises:
            BadMessage: it cannot be copied, so it could not travel either.
        """
        kind: Any = type(message)  # pyright: ignore[reportUnknownVariableType]
        if is_fixed(kind):
            return message
        try:
            return self.decode(self.encode(message), kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as error:
            raise BadMessage(f"a {kind.__name__} cannot travel to an actor: {error}") from None

    def outgoing(self, answer: Any, who: str) -> bytes:
        """Return an actor's answer as it travels.

        Raises:
            HandlerFailed: it is nothing that can.
        """
        try:
            return self.encode(answer)
        except BadMessage as error:
            raise HandlerFailed(f"{who} answered with what cannot travel: {error}") from None

    def incoming(self, payload: bytes, into: Any, who: str) -> Any:
        """Return an answer as a value of the type `into`; None for plain values.

        Raises:
            BadReply: it is no such value.
        """
        try:
            return self.decode(payload, Any if into is None else into)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as error:
            raise BadReply(f"{who} did not answer with a {getattr(into, '__name__', into)}: {error}") from None

    def answer(self, answer: Any, into: Any, who: str) -> Any:
        """Return an answer from this node as it would have come from another.

        Raises:
            HandlerFailed, BadReply: as `outgoing` and `incoming`.
        """
        kind: Any = type(answer)  # pyright: ignore[reportUnknownVariableType]
        if kind in ATOMS if into is None else (kind is into and is_fixed(kind)):
            return answer
        return self.incoming(self.outgoing(answer, who), into, who)
