"""The processes beside `plait up`, by service: started, replaced without a gap, more or fewer of them, stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from ..actors.messages.error import StartFailed
from .plan import Plan
from .process import Process

READY_LIMIT = 30.0
"""Seconds in which a process must be registered and known."""


class Crew:
    """All of them. A process that takes another's place is ready, and known to the gateway, before that one leaves."""

    def __init__(
        self,
        launch: Callable[[Plan, int, Callable[[str], None]], Process],
        known: Callable[[str], Awaitable[None]],
    ) -> None:
        """Begin without any.

        Args:
            launch: makes a process of a plan, with a number that no other has had, and who is told when it gives up.
            known: waits until the instances of the node of that name can be called from here.
        """
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when a process ended too often."""
        self._launch = launch
        self._known = known
        self._teams: dict[str, list[Process]] = {}
        self._trials: set[Process] = set()
        """Started, and not ready yet."""
        self._leaving: set[asyncio.Task[None]] = set()
        self._count = 0

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the plans that have processes."""
        return tuple(self._teams)

    async def start(self, plans: Iterable[Plan]) -> None:
        """Start all processes of the plans; `ready` waits for them.

        Raises:
            StartFailed: the system does not start a process.
        """
        for plan in plans:
            for _ in range(plan.replicas):
                await self._try(plan)

    async def ready(self) -> None:
        """Wait until all that were started are known.

        Raises:
            StartFailed: one of them ended, or was not ready in time.
        """
        waits = [asyncio.ensure_future(self._until_known(process)) for process in self._trials]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
        for process in sorted(self._trials, key=lambda one: one.name):
            self._teams.setdefault(process.plan.name, []).append(process)
            process.keep()
        self._trials.clear()

    async def bring(self, plan: Plan, *, anew: bool = False) -> None:
        """Have a service run as its plan says; replace also the processes that do where `anew`.

        Those that are not replaced yet, and the one to be replaced, go on when a new one does not start.

        Raises:
            StartFailed: a new process ended, or was not ready in time; why stands on its own stderr.
        """
        team = self._teams.setdefault(plan.name, [])
        try:
            for place in range(plan.replicas):
                old = team[place] if place < len(team) else None
                if old is not None and not anew and _alike(old.plan, plan):
                    continue
                new = await self._trial(plan)
                team[place : place + 1] = [new]
                new.keep()
                if old is not None:
                    self._retire(old)
            while len(team) > plan.replicas:
                self._retire(team.pop())
        finally:
            if not team:
                self._teams.pop(plan.name, None)

    def drop(self, name: str) -> None:
        """Let all processes of a service drain and end."""
        for process in self._teams.pop(name, []):
            self._retire(process)

    async def stop(self) -> None:
        """Let all drain and end."""
        teams, self._teams = self._teams, {}
        await asyncio.gather(
            *(process.stop() for team in teams.values() for process in team),
            *(process.stop() for process in self._trials),
            *self._leaving,
        )

    async def _try(self, plan: Plan) -> Process:
        self._count += 1
        process = self._launch(plan, self._count, self._fail)
        self._trials.add(process)
        await process.start()
        return process

    async def _trial(self, plan: Plan) -> Process:
        process = await self._try(plan)
        try:
            await self._until_known(process)
        except BaseException:
            self._retire(process)
            raise
        finally:
            self._trials.discard(process)
        return process

    async def _until_known(self, process: Process) -> None:
        await process.ready(READY_LIMIT)
        try:
            async with asyncio.timeout(READY_LIMIT):
                await self._known(process.name)
        except TimeoutError:
            raise StartFailed(f"{process.name} is ready, but was not heard of within {READY_LIMIT:g} s") from None

    def _retire(self, process: Process) -> None:
        task = asyncio.get_running_loop().create_task(process.stop(), name=f"stop {process.name}")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _fail(self, reason: str) -> None:
        if not self.failed.done():
            self.failed.set_result(reason)


def _alike(one: Plan, other: Plan) -> bool:
    return msgspec.structs.replace(one, replicas=other.replicas) == other
