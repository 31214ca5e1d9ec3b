"""Faults that strike messages on their way: attempts are delayed, answered, lost or doubled on purpose, for a while.

They stand at the wire, behind the pick of an instance: whatever watches, repeats or judges attempts meets them as if
they were real.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ..messages.codec import encode
from ..messages.disruption import LONGEST, Disruption
from ..messages.envelope import VERSION, ReplyFrame
from ..messages.error import MeshError
from ..routing.upstream import covers
from .waiting import Waiting

if TYPE_CHECKING:
    from .wire import Wire

log = logging.getLogger("plait.fault")

BODY = b"fault filter abort"


class Disruptions:
    """The faults in force on one node, each with its end on the monotonic clock."""

    def __init__(self, wire: "Wire", rng: random.Random, wall_clock: Callable[[], float]) -> None:
        self._wire = wire
        self._draw = rng.random
        self._wall_clock = wall_clock
        self._ends: dict[Disruption, float] = {}
        self.struck: Counter[tuple[str, str]] = Counter()
        """Attempts that a fault has struck, by (fault, called service)."""

    def use(self, faults: Iterable[Disruption]) -> None:
        """Have these faults strike from now on, each until its end; one that was known goes on."""
        now, before = self._wire.clock(), self._ends
        self._ends = {}
        for fault in sorted(faults, key=lambda one: one.name):
            left = min(fault.expires - self._wall_clock(), LONGEST)
            end = before[fault] if fault in before else now + left
            self._ends[fault] = end
            if end > now and fault not in before:
                who = f"{fault.name} of {fault.owner} ({fault.reason})"
                log.warning("fault %s strikes calls to %s for %.0f s", who, fault.service, left)
                self._wire.deadlines.at(end, self._watch)
        self._watch()

    def _watch(self) -> None:
        """Stand at the wire while there is a fault that has not ended."""
        self._wire.disruptions = self if self.active() else None

    def active(self) -> list[Disruption]:
        """Return the faults that strike now."""
        now = self._wire.clock()
        return [fault for fault, end in self._ends.items() if now < end]

    def strike(self, waiting: Waiting, deliver: Callable[[], object]) -> bool:
        """Let the first fault that is meant strike an attempt; return whether one did, and delivers it or does not."""
        now = self._wire.clock()
        for fault, end in self._ends.items():
            if now < end and self._means(fault, waiting):
                self.struck[fault.name, waiting.cluster.service] += 1
                self._do(fault, waiting, deliver, now)
                return True
        return False

    def _means(self, fault: Disruption, waiting: Waiting) -> bool:
        cluster, caller = waiting.cluster, waiting.call.caller.service
        if fault.instance and fault.instance != waiting.endpoint.id:
            return False
        here = (not fault.source or fault.source == caller) and covers(fault.service, cluster.service)
        if fault.partition:
            return here or (fault.source == cluster.service and covers(fault.service, caller))
        if not here or fault.subset not in ("", cluster.subset):
            return False
        return fault.percent >= 100.0 or self._draw() * 100.0 < fault.percent

    def _do(self, fault: Disruption, waiting: Waiting, deliver: Callable[[], object], now: float) -> None:
        if fault.drop or fault.partition:
            return
        if fault.duplicate:
            deliver()
            with suppress(MeshError):  # the first one is on its way
                deliver()
            return
        then: Callable[[], object] = partial(_late, waiting, deliver)
        if fault.status:
            fields = [("content-type", "text/plain"), ("x-plait-fault", fault.name)]
            then = partial(waiting.arrived, encode(ReplyFrame(VERSION, fault.status, fields, BODY)))
        if fault.delay:
            self._wire.deadlines.at(now + fault.delay, then)
        else:
            asyncio.get_running_loop().call_soon(then)


def _late(waiting: Waiting, deliver: Callable[[], object]) -> None:
    """Deliver what was held up, where somebody waits for it still."""
    if waiting.over:
        return
    try:
        deliver()
    except MeshError as error:
        waiting.arrived(error)
