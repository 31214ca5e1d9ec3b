"""One standing interest of a connection through nats-py."""

import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from nats import errors

from ..messages.error import Overloaded
from .bus import Deliver
from .header import block

log = logging.getLogger(__name__)


class NatsPySubscription:
    """One standing interest; nats-py itself carries it over to each new connection."""

    def __init__(
        self, deliver: Deliver, look: Callable[[], None], drop: Callable[["NatsPySubscription"], None]
    ) -> None:
        """`look` is called before each message, `drop` when it ends."""
        self.deliver: Deliver | None = deliver
        self._look = look
        self._drop = drop
        self._subscription: Any = None

    async def take(self, message: Any) -> None:
        """Hand on one message, unless it came too late."""
        if self.deliver is None:
            return
        self._look()
        header = block(message.headers) if message.headers else b""
        try:
            self.deliver(message.subject.encode(), message.reply.encode(), message.data, header)
        except Exception:
            log.exception("a callback for a message on %s raised", message.subject)

    def bind(self, subscription: Any) -> None:
        """Take nats-py's own subscription, which needs `take` before it can be made."""
        self._subscription = subscription

    def unsubscribe(self) -> None:
        """End it; messages already on their way are dropped."""
        self.deliver = None
        self._drop(self)

    def end_interest(self) -> None:
        """Tell the server; what is on its way still arrives."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(errors.Error):  # a connection that is closed knows no interests
                now(subscription.unsubscribe())

    async def drain(self) -> None:
        """End it, and return when what was on its way has been delivered."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.drain()


def now(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine of nats-py's that has nothing to wait for, and return its result.

    Raises:
        Overloaded: it has.
    """
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise Overloaded("nats-py's queues are full")
