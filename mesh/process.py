"""A process beside `plait up`: started, waited for until it is ready, started again when it ends by itself, stopped."""

import asyncio
import ctypes
import logging
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence

from ..actors.messages.error import StartFailed
from .plan import Patience, Plan, Restart
from .ready_pipe import ReadyPipe

log = logging.getLogger("plait.process")

STOP_LIMIT = 40.0
"""Seconds that a process may take to drain; longer than any node's own limit."""


def _die_with_parent(parent: int) -> Callable[[], None]:
    library = ctypes.CDLL(None)  # before the fork: after it only what is loaded is safe to call

    def prepare() -> None:
        if sys.platform == "linux":
            library.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a service must not outlive its mesh
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class Process:
    """One `plait node` of a plan. Until `keep` it is on trial: it may end, and nobody starts it again."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        arguments: Sequence[str],
        environment: dict[str, str],
        rng: random.Random,
        give_up: Callable[[str], None],
    ) -> None:
        """Make a process that is not started yet.

        Args:
            name: the node's.
            plan: what it runs, where, and when it is started again.
            arguments: of `plait node`.
            environment: all of it.
            rng: for the waits between starts.
            give_up: takes the reason when it ended too often.
        """
        self.name = name
        self.plan = plan
        self._command = [sys.executable, "-m", "plait.cli", "node", *arguments]
        self._environment = environment
        self._rng = rng
        self._give_up = give_up
        self._child: asyncio.subprocess.Process | None = None
        self._pipe: ReadyPipe | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The running process; 0 when there is none."""
        return self._child.pid if self._child is not None and self._child.returncode is None else 0

    async def start(self) -> None:
        """Start it.

        Raises:
            StartFailed: the system does not start a process.
        """
        try:
            if self._pipe is not None:
                self._pipe.close()
            self._pipe = ReadyPipe(asyncio.get_running_loop())
            try:
                self._child = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=self._pipe.writer,
                    env=self._environment,
                    cwd=self.plan.directory or None,
                    start_new_session=True,  # Ctrl-C reaches the parent alone, which stops its services in order
                    preexec_fn=_die_with_parent(os.getpid()),
                )
            finally:
                self._pipe.started()
        except OSError as error:
            raise StartFailed(f"no process for {self.name}: {error}") from error

    async def ready(self, limit: float) -> None:
        """Wait until it says that it is registered and can be called.

        Raises:
            StartFailed: it ended, or did not say so within `limit` seconds.
        """
        assert self._child is not None
        assert self._pipe is not None
        ended = asyncio.ensure_future(self._child.wait())
        try:
            await asyncio.wait((ended, self._pipe.told), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if self._pipe.told.done():
            return
        if self._child.returncode is not None:
            raise StartFailed(f"{self.name} does not start (its own words stand above)")
        raise StartFailed(f"{self.name} was not ready within {limit:g} s")

    def keep(self) -> None:
        """From now on start it again when it ends by itself, as its plan says."""
        self._watch = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        loop = asyncio.get_running_loop()
        tries, began = 0, loop.time()
        patience: Patience = self.plan.patience
        while True:
            assert self._child is not None
            status = await self._child.wait()
            if self.plan.restart is Restart.NEVER or (self.plan.restart is Restart.ON_FAILURE and not status):
                log.warning("the process of %s ended with status %s and stays away", self.name, status)
                return
            if loop.time() - began > patience.backoff.reset:
                tries = 0
            if patience.tries and tries >= patience.tries:
                reason = f"the process of {self.name} ended {tries + 1} times, last with status {status}"
                log.error("%s", reason)
                self._give_up(reason)
                return
            log.warning("the process of %s ended with status %s: starting it again", self.name, status)
            await asyncio.sleep(patience.backoff.wait(tries, self._rng))
            tries, began = tries + 1, loop.time()
            try:
                await self.start()
            except StartFailed as error:
                log.error("%s", error)
                self._give_up(str(error))
                return

    async def stop(self) -> None:
        """Let it drain and end; kill it when it takes too long."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait((self._watch,))
        await self._end()
        if self._pipe is not None:
            self._pipe.close()

    async def _end(self) -> None:
        child = self._child
        if child is None or child.returncode is not None:
            return
        try:
            child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(STOP_LIMIT):
                await child.wait()
        except ProcessLookupError:
            return
        except TimeoutError:
            log.warning("the process of %s did not end within %g s: killed", self.name, STOP_LIMIT)
            child.kill()
            await child.wait()
