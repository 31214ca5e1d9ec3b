"""How a node fares: who blocks its event loop, how late the loop is, and whether the node is unwell for it."""

import asyncio
import logging
import time
from collections.abc import Callable

from ..actors.loop.lag import SPAN, Lag
from ..actors.loop.watchdog import Blocked, Ended, Report, StoodStill, Watchdog
from ..actors.runtime.actor import Actor
from ..actors.runtime.cell import Cell
from ..tracing.log import OncePer
from ..tracing.metrics import Metrics

log = logging.getLogger("plait.node")

UNWELL = 0.25
"""Seconds that the loop may be late within the last ten before the node calls itself unwell; a process that stood still
for less is not told of."""

STACK_PERIOD = 10.0
"""Seconds between two stacks of one actor in the log; what is between them is counted."""

_ACTORS = 200
"""Actors with a series of their own: their names may be made without end, and a series once made is never dropped."""

_ADVICE = "What takes time belongs behind an await, or in a thread (asyncio.to_thread)."


def actor_of(found: object) -> str | None:
    """Name an actor, or what runs one, by its path in the node; None for anything else."""
    kind = type(found)  # not `isinstance`: it asks an object for its class, which may be code of its own
    if issubclass(kind, Actor):
        found = getattr(found, "cell", None)  # none yet while it is made
    elif not issubclass(kind, Cell):
        return None
    path: str | None = getattr(found, "path", None)
    return path


class Health:
    """Watches one real node from a thread; `unwell` says how it fares. Make and start it on the node's event loop."""

    def __init__(self, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Register what it measures; `clock` gives monotonic seconds, right also within a turn of the loop."""
        self._clock = clock
        self._ill = False
        self._lag = Lag()
        self._brake = OncePer(log, STACK_PERIOD, clock=clock)
        self._told: set[str] = set()
        self._names: set[str] = set()
        metrics.loop_lag.set_function(lambda: self._lag.worst(clock()))
        self._delay = metrics.loop_delay
        self._blocked, self._blocked_seconds = metrics.actor_blocked, metrics.actor_blocked_seconds
        metrics.node_unwell.set_function(lambda: float(self._ill))
        metrics.read_counter(
            "plait_loop_busy_seconds",
            "Processor time of the event loop's thread.",
            (),
            lambda: [((), time.thread_time())],
        )
        self._dog = Watchdog(asyncio.get_running_loop(), clock, actor_of, self.report, beaten=self.beaten)

    def start(self) -> None:
        """Begin to watch."""
        self._dog.start()

    def stop(self) -> None:
        """Watch no more."""
        self._dog.stop()

    @property
    def unwell(self) -> str:
        """Why the node is unwell; empty when it is not."""
        if not self._ill:
            return ""
        return f"unwell: its event loop was {self._lag.worst(self._clock()):.2f} s late within the last {SPAN} s"

    def beaten(self, now: float, late: float) -> None:
        """Take in that the loop's beat at `now` was `late` seconds late; a change is logged once."""
        self._lag.note(now, late)
        self._delay.observe(late)
        if not self._ill:
            if late > UNWELL:
                self._ill = True
                log.warning("this node is %s: everything on it waited that long", self.unwell)
        elif (worst := self._lag.worst(now)) <= UNWELL:
            self._ill = False
            log.warning("this node is well again: its event loop was at most %.2f s late for %d s", worst, SPAN)

    def report(self, report: Report) -> None:
        """Log and count what the watchdog found; called in the watching thread, an `Ended` on the loop."""
        match report:
            case Blocked(who, seconds, stack):
                told = self._brake(
                    f"actor {who}",
                    logging.WARNING,
                    "%s has blocked the event loop for %.2f s; nothing else runs on this node. It is here:\n%s\n%s",
                    _words(who),
                    seconds,
                    stack,
                    _ADVICE,
                )
                if told:
                    self._told.add(who)
            case Ended(who, seconds):
                name = self._bounded(who)
                self._blocked.labels(name).inc()
                self._blocked_seconds.labels(name).inc(seconds)
                if who in self._told:
                    self._told.discard(who)
                    log.warning("%s held the event loop for %.2f s", _words(who), seconds)
            case StoodStill(seconds):
                if seconds >= UNWELL:
                    self._brake(
                        "process",
                        logging.WARNING,
                        "the process stood still for %.1f s: it was stopped, or had no processor or memory; "
                        "no actor is to blame",
                        seconds,
                    )

    def _bounded(self, who: str) -> str:
        if who not in self._names:
            if len(self._names) >= _ACTORS:
                return "other"
            self._names.add(who)
        return who


def watch(metrics: Metrics) -> Health:
    """Watch the running event loop from now on; whoever ends the node stops the watch."""
    health = Health(metrics)
    health.start()
    return health


def _words(who: str) -> str:
    return f"actor {who}" if who else "something outside of any actor"
