"""Lets a node be drained by who asks on `drain.<node>`: it leaves the registry, ends what it has, then itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..actors.bus.bus import Subscription
from ..actors.bus.reply import may_answer
from ..actors.bus.user_request import parse, refusal, send_json
from ..actors.messages.error import MeshError, Refused
from .link import Link


class Departure:
    """One node's. Who asks is answered when nothing is left to lose."""

    def __init__(self, link: Link, leave: Callable[[], Awaitable[list[str]]], keeps: str) -> None:
        """Serve as soon as `open` is called.

        Args:
            link: the node's.
            leave: takes everything of the node out of the registry, ends the calls in hand, and returns what left.
            keeps: why the node's process must not end by this, empty where it may.
        """
        self.drained: asyncio.Future[None] = link.ground.loop.create_future()
        """Done when the node has left and its process is to end."""
        self._link = link
        self._leave = leave
        self._keeps = keeps
        self._subject = link.subjects.user("drain", link.node)
        self._subscription: Subscription | None = None
        self._work: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Listen."""
        self._subscription = self._link.control.subscribe(self._subject, self._asked, self._link.node.encode())

    def close(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._subscription.unsubscribe()

    def _asked(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        if reply and not may_answer(self._link.subjects, reply):
            return
        try:
            question = parse(payload)
            if self._work is not None:
                raise Refused(f"{self._link.node} is being drained already")
            stay = question.get("stay", False)
            if not isinstance(stay, bool):
                raise Refused("`stay` is true or false")
            if self._keeps and not stay:
                raise Refused(self._keeps)
        except MeshError as error:
            send_json(self._link.control, reply, refusal(error))
            return
        self._work = self._link.ground.loop.create_task(self._drain(reply, stay), name="drain")

    async def _drain(self, reply: bytes, stay: bool) -> None:
        clock = self._link.surroundings.clock
        began = clock()
        try:
            left = await self._leave()
            answer: Mapping[str, Any] = {
                "node": self._link.node,
                "instances": left,
                "seconds": round(clock() - began, 3),
                "ends": not stay,
            }
        except MeshError as error:
            answer = refusal(error)
        finally:
            self._work = None
        send_json(self._link.control, reply, answer)
        if not stay and not self.drained.done():
            self.drained.set_result(None)
