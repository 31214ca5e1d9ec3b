"""A supervisor: starts its children in order, restarts those that fail, gives up when that does not help.

The rules are Erlang/OTP's: one_for_one here (a failed child is restarted alone); more than `intensity` restarts
within `period` seconds stop all children, last started first, and the supervisor fails upward with the reasons. A
restart waits by exponential backoff; the child's mailbox is kept meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec

from ..loop.backoff import Backoff
from ..loop.timer import sleep_until
from ..messages.error import IntensityExceeded, StartFailed
from .actor import ChildSpec, Restart, Surroundings
from .cell import Cell, Life

log = logging.getLogger("plait.supervisor")


class Limits(msgspec.Struct, frozen=True):
    """How much trouble a supervisor bears."""

    intensity: int = 5
    """Restarts allowed within `period`."""
    period: float = 10.0
    backoff: Backoff = Backoff()


class Supervisor:
    """Runs children by their specs."""

    def __init__(
        self,
        name: str,
        surroundings: Surroundings,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        failed: Callable[[IntensityExceeded], None] | None = None,
    ) -> None:
        self.name = name
        self._surroundings = surroundings
        self._limits = limits
        self._failed = failed
        self._children: dict[str, Cell] = {}
        self._restarts: deque[float] = deque()
        self._reasons: deque[str] = deque(maxlen=limits.intensity + 1)
        self._tries: dict[str, tuple[int, float]] = {}
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._giving_up: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def children(self) -> tuple[Cell, ...]:
        """The children in the order of their start."""
        return tuple(self._children.values())

    async def start(self, specs: Iterable[ChildSpec]) -> None:
        """Start children one after the other; a failed start undoes those before it.

        Raises:
            StartFailed: naming the child and its reason.
        """
        for spec in specs:
            try:
                await self.start_child(spec)
            except BaseException:
                await self.stop()
                raise

    async def start_child(self, spec: ChildSpec) -> Cell:
        """Start one more child and return how to reach it.

        Raises:
            StartFailed: it could not start, or its name is taken.
        """
        if spec.name in self._children:
            raise StartFailed(f"{self.name} already has a child {spec.name!r}")
        cell = self._children[spec.name] = Cell(spec, self._surroundings, self)
        try:
            await cell.start()
        except BaseException as error:
            del self._children[spec.name]
            if isinstance(error, Exception):
                raise StartFailed(f"{spec.name} could not start: {error}") from error
            raise
        return cell

    async def stop_child(self, name: str) -> None:
        """Stop one child and forget it; nothing happens when there is none of that name."""
        cell = self._children.pop(name, None)
        job = self._jobs.pop(name, None)
        self._tries.pop(name, None)
        if job is not None and job is not asyncio.current_task():
            # Both must not end the same life at once: one that is being put away is put away to the end, while a wait
            # for the next life is broken off.
            if cell is None or cell.actor is None:
                job.cancel()
            await asyncio.wait([job])
        if cell is not None:
            await cell.stop()

    async def stop(self) -> None:
        """Stop all children, last started first, each within its shutdown time."""
        self._stopping = True
        for name in reversed(list(self._children)):
            await self.stop_child(name)
        if self._giving_up is not None and self._giving_up is not asyncio.current_task():
            await asyncio.wait([self._giving_up])  # it may still be stopping the child that it took out before us

    # Failures

    def child_ended(self, child: Cell, reason: Exception | None) -> None:
        """A child's life is over: restart it, forget it, or give up."""
        if self._stopping or self._children.get(child.name) is not child:
            return
        if reason is not None:
            log.error("%s/%s failed: %s: %s", self.name, child.name, type(reason).__name__, reason, exc_info=reason)
            self._reasons.append(f"{child.name}: {type(reason).__name__}: {reason}")
        again = child.spec.restart is Restart.PERMANENT or (
            child.spec.restart is Restart.TRANSIENT and reason is not None
        )
        if not again:
            self._spawn(child, self._forget(child))
        elif self._too_many():
            self._give_up()
        else:
            self._spawn(child, self._restart(child))

    def _too_many(self) -> bool:
        now = self._surroundings.clock()
        self._restarts.append(now)
        while self._restarts and self._restarts[0] <= now - self._limits.period:
            self._restarts.popleft()
        return len(self._restarts) > self._limits.intensity

    def _spawn(self, child: Cell, job: Coroutine[Any, Any, None]) -> None:
        task = self._surroundings.loop.create_task(job, name=f"{self.name}/{child.name}")
        self._jobs[child.name] = task

        def done(task: "asyncio.Task[None]") -> None:
            if self._jobs.get(child.name) is task:
                del self._jobs[child.name]

        task.add_done_callback(done)

    async def _forget(self, child: Cell) -> None:
        await child.stop()
        if self._children.get(child.name) is child:
            del self._children[child.name]
            self._tries.pop(child.name, None)

    async def _restart(self, child: Cell) -> None:
        backoff, clock = self._limits.backoff, self._surroundings.clock
        await child.bury()
        while self._children.get(child.name) is child:  # else it was stopped meanwhile
            tries, since = self._tries.get(child.name, (0, clock()))
            tries = 0 if clock() - since >= backoff.reset else tries
            await sleep_until(self._surroundings.deadlines, clock() + backoff.wait(tries, self._surroundings.rng))
            self._tries[child.name] = (tries + 1, clock())  # its wait is no time without trouble
            try:
                await child.start()
            except Exception as error:
                log.error("%s/%s could not restart: %s", self.name, child.name, error, exc_info=error)
                self._reasons.append(f"{child.name}: could not restart: {error}")
                if self._too_many():
                    self._give_up()
                    return
            else:
                child.restarts += 1
                return

    def _give_up(self) -> None:
        error = IntensityExceeded(
            f"{self.name} gave up: more than {self._limits.intensity} restarts in {self._limits.period:g} s "
            f"({'; '.join(self._reasons)})"
        )
        log.critical("%s", error)
        self._stopping = True
        self._giving_up = self._surroundings.loop.create_task(self._stop_and_tell(error))

    async def _stop_and_tell(self, error: IntensityExceeded) -> None:
        await self.stop()
        if self._failed is not None:
            self._failed(error)

    def running(self) -> bool:
        """True while every child is in a life."""
        return all(child.life is Life.RUNNING for child in self._children.values())
