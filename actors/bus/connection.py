"""What every connection to the bus keeps, whatever speaks behind it: its state, who listens, who waits."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextvars import Context

from ..messages.error import BusUnavailable, Disconnected
from ..messages.instance import Connection
from .bus import BusState, Done

log = logging.getLogger(__name__)


class BusConnection:
    """The common half of all buses."""

    def __init__(self, where: str, token: str = "") -> None:
        """Begin without a connection.

        Args:
            where: names the server for people.
            token: 128 random bits that nobody can guess; empty makes them. Only where no server is real are they given.
        """
        self.where = where
        self.state = BusState.RECONNECTING
        self.identity = Connection()
        self.token = token or secrets.token_urlsafe(16)
        self.cluster = ""
        """The name of the cluster that the server is a member of; empty where it stands alone."""
        self.max_payload = 1024 * 1024
        self.refusals = 0
        """How often the server refused a subject that the permissions do not cover."""
        self.waiting: dict[bytes, Done] = {}
        """Who waits for an answer, by its whole subject: the callee is part of it, so nobody else can answer."""
        self._listeners: list[Callable[[BusState], None]] = []

    def forget(self, reply: bytes) -> None:
        """Stop waiting for the answer on `reply`; a late one is dropped."""
        self.waiting.pop(reply, None)

    def listen(self, changed: Callable[[BusState], None]) -> None:
        """Have `changed` called whenever the state changes."""
        self._listeners.append(changed)

    def turn(self, state: BusState) -> None:
        """Enter `state` and tell the listeners."""
        self.state = state
        for changed in tuple(self._listeners):
            guarded(changed, state)

    def fail_waiting(self) -> None:
        """Tell all who wait for an answer that the connection is gone."""
        waiting = list(self.waiting.values())
        self.waiting.clear()
        for done in waiting:
            guarded(done, Disconnected())

    async def answered(self, timeout: float) -> None:
        """Wait until nobody waits for an answer any more, at most `timeout` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        # Looked for only while draining, so that no answer ever has to ask whether somebody wants to know.
        while self.waiting and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def unavailable(self) -> BusUnavailable:
        """Return the error for those who want to send now."""
        return BusUnavailable(f"the bus at {self.where} is {self.state.value}")


def guarded(callback: Callable[..., None], *arguments: object) -> None:
    """Call `callback` in an empty context; what it raises is logged."""
    try:
        Context().run(callback, *arguments)
    except Exception:
        log.exception("a callback of the bus raised")
