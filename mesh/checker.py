"""The checker actor: looks after the health of one instance, beside it and never on the way of a call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ..actors.loop.backoff import Backoff
from ..actors.messages.error import MeshError
from ..actors.messages.health import HEALTHY, STARTING
from ..actors.runtime.actor import Actor
from ..actors.runtime.cell import Cell
from ..actors.service.check import Outside
from ..actors.service.health import Health
from .condition import Condition
from .enrolment import Fares

log = logging.getLogger("plait.health")

JITTER = 0.1
"""Share of an interval by which looks are early or late, so that many instances do not look at once."""

FIRST = 0.25
"""Seconds between the first looks at an instance that starts; they grow to the interval."""

REWORD = 30.0
"""Seconds between two words to the registry that differ in their reason alone: each goes to every node of the mesh."""
REWORD_FIRST = 3.0
"""The same for an instance that starts: somebody may be waiting for it."""

Look = Callable[[], Awaitable[Health]]


class Due(msgspec.Struct, frozen=True):
    """It is time for a look by the check of this number."""

    number: int


class Checker(Actor):
    """One per instance that has checks; run it with a concurrency of as many. No two looks of one check overlap."""

    def __init__(self, instance: str, condition: Condition, looks: Sequence[Look], membership: Cell) -> None:
        """Look by `looks`, one for each check of `condition`, which outlives this actor's lives."""
        self._instance = instance
        self._condition = condition
        self._looks = looks
        self._membership = membership
        self._tries = [0] * len(looks)
        self._said = "", ""
        self._reworded = float("-inf")

    async def post_start(self) -> None:
        """Set the first looks."""
        for number, standing in enumerate(self._condition.standings):
            self.timers.once(number, standing.check.delay, Due(number))

    async def receive(self, message: Due) -> None:
        """Look, take in what it came to, and set the next look."""
        number, clock = message.number, self.surroundings.clock
        standing, began = self._condition.standings[number], clock()
        try:
            health = await self._looks[number]()
        except Exception as error:
            health = Health.of_error(error)
        standing.note(health)
        self._say()
        interval = standing.check.interval
        wait = interval * (1.0 + JITTER * (2.0 * self.surroundings.rng.random() - 1.0))
        if standing.level is None:
            wait = min(wait, Backoff(FIRST, interval).wait(self._tries[number], self.surroundings.rng))
            self._tries[number] += 1
        self.timers.once(number, max(0.0, began + wait - clock()), Due(number))

    def _say(self) -> None:
        """Tell the registry what it does not know yet."""
        now = self.surroundings.clock()
        word = self._condition.health, self._condition.reason
        pause = REWORD_FIRST if word[0] == STARTING else REWORD
        if word == self._said or (word[0] == self._said[0] and now - self._reworded < pause):
            return
        try:
            self._membership.tell(Fares(self._instance, *word))
        except MeshError as error:  # it restarts, or has much to do: the next look says it
            log.debug("%s: %s", self._instance, error)
            return
        if word[0] not in (self._said[0], STARTING) and (self._said[0] or word[0] != HEALTHY):
            log.warning("%s is now %s%s", self._instance, word[0], f": {word[1]}" if word[1] else "")
        self._said, self._reworded = word, now


def outside(probe: Callable[[Outside], Awaitable[Health]], check: Outside) -> Look:
    """Return a look at what is outside of the service; what takes longer than the check's timeout is ended."""

    async def look() -> Health:
        try:
            async with asyncio.timeout(check.timeout):
                return await probe(check)
        except TimeoutError:
            return Health.critical(f"no answer within {check.timeout:g} s")

    return look
