"""The context of the work in hand: what travels on by itself when a handler calls, asks or tells others."""

from contextvars import ContextVar
from typing import Protocol

import msgspec

from .purse import Purse

DEPTH = 32
"""Those that may wait for each other; more is a circle of services that call each other."""


class Origin(Protocol):
    """The frame that brought the work: a call's, or a message's to an actor."""

    @property
    def chain(self) -> tuple[str, ...]:
        """Who waits for this work, outermost first."""
        ...

    @property
    def tracestate(self) -> str: ...

    @property
    def baggage(self) -> dict[str, str]: ...

    @property
    def revision(self) -> int: ...

    @property
    def flags(self) -> int: ...


class CallContext(msgspec.Struct, eq=False):
    """One call or message in the hands of an instance or actor."""

    frame: Origin
    expires: float | None
    """Loop time at which the caller's deadline ends."""
    instance: str
    """Who works: the instance's id, or the actor's address."""
    traceparent: str
    """The parent of what is called from here."""
    degraded: tuple[str, ...] = ()
    """Fallbacks that answers of what was called from here are from."""
    tokens: int | None = None
    """Retries that came along, for all that is called from here. None where no call brought the work, which may go on
    for ever: then each call from here begins anew."""
    purse: Purse | None = None
    """What is left of them, once something was called from here."""

    def lending(self) -> Purse | None:
        """Return what the calls from here draw on together, None where each has its own."""
        if self.purse is None and self.tokens is not None:
            self.purse = Purse(self.tokens, self.tokens)
        return self.purse

    @property
    def chain(self) -> tuple[str, ...]:
        """Those that wait for what is called from here, outermost first."""
        return (*self.frame.chain, self.instance)

    @property
    def baggage(self) -> dict[str, str]:
        """The context that travels by itself; it may be changed."""
        return self.frame.baggage


current: ContextVar[CallContext] = ContextVar("plait_call")
"""The call or message that the running handler works on; not set outside of one."""
