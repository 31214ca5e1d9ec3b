"""Brings a supervisor's children back: waits by backoff, ends siblings where the strategy says so, starts in order."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ..loop.timer import sleep_until
from .child import Child
from .life_state import Life
from .spec import Strategy

if TYPE_CHECKING:
    from .supervisor import Supervisor

_GROUP = ""
"""Stands for all children where they are restarted together: one repair at a time."""


class Repair:
    """One supervisor's restarts: one job per child under one_for_one, else one for all of them."""

    def __init__(self, supervisor: "Supervisor") -> None:
        self._supervisor = supervisor
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._tries: dict[str, tuple[int, float]] = {}
        self._broken: dict[str, Exception | None] = {}

    def begin(self, child: Child, reason: Exception | None) -> None:
        """Bring `child`, which failed with `reason`, back; counted first, for one too many ends the supervisor."""
        supervisor = self._supervisor
        if supervisor.too_many(child):
            return
        if supervisor.spec.strategy is Strategy.ONE_FOR_ONE:
            self._spawn(child.name, self._one(child, reason))
            return
        self._broken[child.name] = reason
        if _GROUP not in self._jobs:
            self._spawn(_GROUP, self._group())

    def forget(self, child: Child) -> None:
        """Stop a child that will not come again, and forget it."""

        async def bury() -> None:
            await child.stop()
            self._supervisor.forget(child)
            self._tries.pop(child.name, None)

        self._spawn(child.name, bury())

    async def leave(self, name: str, child: Child | None) -> None:
        """Have nothing more done for a child that is about to be stopped or replaced."""
        self._tries.pop(name, None)
        self._broken.pop(name, None)
        for key in (name, _GROUP):
            job = self._jobs.get(key)
            if job is None or job is asyncio.current_task():
                continue
            # Both must not end the same life at once: one that is being put away is put away to the end, while a wait
            # for the next life is broken off.
            if key == _GROUP:
                if self._supervisor.life not in (Life.STOPPING, Life.FAILED):
                    await asyncio.wait([job])
                    continue
                job.cancel()
            elif child is None or not child.alive:
                job.cancel()
            await asyncio.wait([job])

    def _spawn(self, key: str, job: Coroutine[Any, Any, None]) -> None:
        supervisor = self._supervisor
        task = supervisor.surroundings.loop.create_task(job, name=f"{supervisor.name}/{key or 'all'}")
        self._jobs[key] = task

        def done(task: "asyncio.Task[None]") -> None:
            if self._jobs.get(key) is task:
                del self._jobs[key]

        task.add_done_callback(done)

    async def _wait(self, key: str) -> None:
        around = self._supervisor.surroundings
        backoff, clock = self._supervisor.spec.limits.backoff, around.clock
        tries, since = self._tries.get(key, (0, clock()))
        tries = 0 if clock() - since >= backoff.reset else tries
        await sleep_until(around.deadlines, clock() + backoff.wait(tries, around.rng))
        self._tries[key] = (tries + 1, clock())  # its wait is no time without trouble

    async def _one(self, child: Child, reason: Exception | None) -> None:
        supervisor = self._supervisor
        await child.bury()
        while supervisor.child(child.name) is child:  # else it was stopped meanwhile
            await self._wait(child.name)
            try:
                await child.start(trouble=reason)
            except Exception as error:
                reason = error
                supervisor.blame(child, error)
                if supervisor.too_many(child):
                    return
            else:
                child.restarts += 1
                return

    async def _group(self) -> None:
        supervisor = self._supervisor
        while self._broken and supervisor.life is not Life.STOPPING:
            order = [child.name for child in supervisor.children]
            name = min(self._broken, key=order.index)  # with rest_for_one the first one takes the others along
            reason = self._broken.pop(name)
            failed = supervisor.child(name)
            assert failed is not None
            stop, forget, start = supervisor.plan(name)
            for child in stop:
                self._broken.pop(child.name, None)
                await child.suspend()
            await failed.bury()
            for child in forget:
                await child.stop()
                supervisor.forget(child)
            await self._wait(_GROUP)
            for child in start:
                if supervisor.child(child.name) is not child:
                    continue  # stopped meanwhile
                try:
                    await child.start(trouble=reason if child is failed else None)
                except Exception as error:
                    supervisor.blame(child, error)
                    if supervisor.too_many(child):
                        return
                    self._broken[child.name] = error
                    break
                child.restarts += 1
                if self._broken:  # one that was just started has failed already
                    break
