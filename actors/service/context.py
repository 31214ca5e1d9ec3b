"""The context of the call in hand: what travels on by itself when a handler calls further services."""

from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar

import msgspec

from ..messages.envelope import CallFrame
from ..messages.error import InvalidName


class CallContext(msgspec.Struct, eq=False):
    """One call in a handler's hands."""

    frame: CallFrame
    expires: float | None
    """Loop time at which the caller's deadline ends."""
    instance: str
    traceparent: str
    """The parent of what is called from here."""

    @property
    def chain(self) -> tuple[str, ...]:
        """Instances that wait for what is called from here, outermost first."""
        return (*self.frame.chain, self.instance)

    @property
    def baggage(self) -> dict[str, str]:
        """The context that travels by itself; it may be changed."""
        return self.frame.baggage


current: ContextVar[CallContext] = ContextVar("plait_call")
"""The call that the running handler works on; not set outside of one."""


class Baggage(MutableMapping[str, str]):
    """The calling context's baggage: read it, set it, and whatever is called from here on sees it."""

    def __getitem__(self, name: str) -> str:
        return _held()[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        if not value.isprintable() or not name.isascii() or not name.replace("-", "").isalnum():
            raise InvalidName(f"baggage {name!r}: {value!r} cannot travel as a header")
        _held()[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del _held()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(_held())

    def __len__(self) -> int:
        return len(_held())


def _held() -> dict[str, str]:
    context = current.get(None)
    return {} if context is None else context.baggage
