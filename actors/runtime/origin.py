"""Where an actor's work comes from: nobody, an asker of this node, or a frame of another one."""

from contextvars import Context

from ..messages.actor import ACTOR_VERSION, Act, ActorFrame
from .context import CallContext, Origin, current

_NOBODY = ActorFrame(ACTOR_VERSION, int(Act.TELL), "", b"")


def at_rest(address: str) -> CallContext:
    """Return the context of an actor that works for nobody who waits."""
    return CallContext(_NOBODY, None, address, "")


def passed_on(here: CallContext | None, waits: bool) -> Origin:
    """Return what travels from the work in hand to an actor; `waits` says whether the sender waits for the answer."""
    if here is None:
        return _NOBODY
    frame = here.frame
    return ActorFrame(
        ACTOR_VERSION,
        int(Act.ASK),
        "",
        b"",
        None,
        here.chain if waits else (),
        here.traceparent,
        frame.tracestate,
        dict(frame.baggage) if frame.baggage else {},
        frame.revision,
        frame.flags,
    )


def entered(origin: Origin, expires: float | None, address: str, traceparent: str) -> Context:
    """Return a new context for the actor at `address` in which the work is known for what `origin` says."""
    context = Context()
    context.run(current.set, CallContext(origin, expires, address, traceparent))
    return context
