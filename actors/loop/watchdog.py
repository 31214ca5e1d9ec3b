"""Notices from a thread of its own that an event loop stands still, and whose code holds it.

The loop beats; the thread looks when a beat would be `limit` old. What holds the loop is seen while it does: afterwards
nobody could tell. Per message this costs nothing.
"""

import asyncio
import contextlib
import enum
import threading
import time
from collections.abc import Callable
from contextvars import Context
from typing import NamedTuple

import msgspec

from .stack import look

LIMIT = 0.1
"""Seconds that one piece of work may hold the loop."""

_BEATS = 2
"""Beats within a limit. What holds the loop began up to one beat after the last: it is named when it lasts longer than
the limit, and never when it is shorter than half of it. Each beat wakes the process up: some 0.1 ms of a processor."""

_GAPS = 8
_JOIN = 1.0


class Blocked(msgspec.Struct, frozen=True):
    """Something holds the loop, and still does."""

    who: str
    """Whose code it is; empty where nobody's is known."""
    seconds: float
    """Since the last beat."""
    stack: str


class Ended(msgspec.Struct, frozen=True):
    """What a `Blocked` told of is over."""

    who: str
    seconds: float
    """From the beat before to the beat after it."""


class StoodStill(msgspec.Struct, frozen=True):
    """The whole process stood still: stopped, swapped out, starved of processor time. It is nobody's fault here."""

    seconds: float


Report = Blocked | Ended | StoodStill


class Verdict(enum.Enum):
    """What a look has found."""

    RUNS = "runs"
    BLOCKED = "blocked"
    STOOD_STILL = "stood still"


def judge(age: float, late: float, spent: float, limit: float) -> Verdict:
    """Tell what it means that the last beat is `age` seconds old.

    Whoever looks late has been kept from running as well: that was the whole process, unless the loop's thread ran
    meanwhile, as it does in C code that does not let go of the interpreter's lock.

    Args:
        age: seconds since the last beat.
        late: seconds that this look itself is late.
        spent: seconds of processor time that the loop's thread took since the last beat.
        limit: seconds that a beat may be old.
    """
    if age <= limit:
        return Verdict.RUNS
    if late > limit / 2 and late > age / 2 and spent < age / 2:
        return Verdict.STOOD_STILL
    return Verdict.BLOCKED


class Beat(NamedTuple):
    """When the loop was last seen to run."""

    at: float
    """By the watchdog's clock, seconds."""
    spent: float
    """Processor time that the loop's thread had taken by then, seconds."""


class Watchdog:
    """Watches the running loop of the thread that calls `start`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        who: Callable[[object], str | None],
        report: Callable[[Report], object],
        *,
        limit: float = LIMIT,
        beaten: Callable[[float, float], object] = lambda now, late: None,
    ) -> None:
        """Make one that does not watch yet.

        Args:
            loop: what is watched.
            clock: monotonic seconds; right also within a turn of the loop.
            who: see `look`.
            report: is told what was found: `Blocked` and `StoodStill` at once, in the watching thread; `Ended` on the
                loop.
            limit: seconds that one piece of work may hold the loop.
            beaten: is told on the loop at each beat when it came and how late it was, in seconds.
        """
        self._loop = loop
        self._clock = clock
        self._who = who
        self._report = report
        self._limit = limit
        self._every = limit / _BEATS
        self._beaten = beaten
        self._spent: Callable[[], float] = time.process_time
        self._thread: threading.Thread | None = None
        self._number = 0
        self._over = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        # Written by the loop, whole objects only, and read by the thread.
        self._beat = Beat(0.0, 0.0)
        self._gaps: tuple[tuple[Beat, Beat], ...] = ()
        """The latest beats that another followed after more than the limit."""
        # Written by the thread.
        self._stall: tuple[Beat, str] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._number = threading.get_ident()
        self._spent = _processor_time(self._number)
        self._beat = Beat(self._clock(), self._spent())
        self._again()
        self._thread = threading.Thread(target=self._watch, name="plait watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; call it on the loop. Only an end that the loop has been given already is still reported."""
        if self._timer is not None:
            self._timer.cancel()
        self._over.set()
        if self._thread is not None:
            self._thread.join(_JOIN)  # it waits for nothing else, but its report may hang in a full pipe
            self._thread = None
        if self._stall is not None:
            (beat, who), self._stall = self._stall, None
            self._tell(Ended(who, self._gap(beat)))

    # On the loop

    def _again(self) -> None:
        # In a context of its own: that of who called `start` would live as long as the timer.
        self._timer = self._loop.call_later(self._every, self._turn, context=Context())

    def _turn(self) -> None:
        now, last = self._clock(), self._beat
        gap, beat = now - last.at, Beat(now, self._spent())
        if gap > self._limit:
            self._gaps = (*self._gaps[1 - _GAPS :], (last, beat))
        self._beat = beat  # after the gaps: whoever sees the beat finds what was before it
        self._again()
        self._beaten(now, max(0.0, gap - self._every))

    # In the thread

    def _watch(self) -> None:
        base = self._beat
        due = base.at + self._limit
        while not self._over.wait(max(0.0, due - self._clock())) and not self._loop.is_closed():
            now, beat, spent = self._clock(), self._beat, self._spent()
            if beat.at > base.at:
                self._look_back(base, now - due)
                base = beat
            self._see_end(beat)
            verdict = judge(now - base.at, now - due, spent - base.spent, self._limit)
            if verdict is Verdict.STOOD_STILL:
                self._tell(StoodStill(now - base.at))
                base = Beat(now, spent)  # from here on the loop had its chance, too
            elif verdict is Verdict.BLOCKED and self._stall is None:
                self._take(beat)
            due = max(base.at + self._limit, now + self._limit / 2)

    def _look_back(self, base: Beat, late: float) -> None:
        """Tell of a stop after which the loop was faster than this thread: it has beaten again before the look."""
        for began, ended in self._gaps:
            if began.at >= base.at and (self._stall is None or self._stall[0] is not began):
                gap = ended.at - began.at
                if judge(gap, late, ended.spent - began.spent, self._limit) is Verdict.STOOD_STILL:
                    self._tell(StoodStill(gap))

    def _take(self, beat: Beat) -> None:
        seen = look(self._number, self._who)
        seconds = self._clock() - beat.at
        if self._beat is not beat or not self._loop.is_running():
            return  # it went on meanwhile: the stack may be anybody's
        if not seen.stack:
            return  # it stands between two turns: others keep its thread from running, or from the interpreter's lock
        self._tell(Blocked(seen.who, seconds, seen.stack))
        self._stall = beat, seen.who

    def _see_end(self, beat: Beat) -> None:
        if self._stall is None or self._stall[0] is beat:
            return
        (began, who), self._stall = self._stall, None
        with contextlib.suppress(RuntimeError):  # the loop was closed: there is nobody to tell
            self._loop.call_soon_threadsafe(self._tell, Ended(who, self._gap(began)), context=Context())

    def _gap(self, began: Beat) -> float:
        for beat, after in self._gaps:
            if beat is began:
                return after.at - beat.at
        return self._clock() - began.at

    def _tell(self, report: Report) -> None:
        try:
            self._report(report)
        except Exception as error:  # a broken report must end neither the watch nor the loop
            with contextlib.suppress(RuntimeError):
                trouble = {"message": "the watchdog's report failed", "exception": error}
                self._loop.call_soon_threadsafe(self._loop.call_exception_handler, trouble)


def _processor_time(thread: int) -> Callable[[], float]:
    """Return a clock of the processor time that a thread of this process takes; where there is none, the process's."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    number = time.pthread_getcpuclockid(thread)
    return lambda: time.clock_gettime(number)
