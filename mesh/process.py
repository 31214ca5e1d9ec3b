"""The processes beside `plait up`: one per service, restarted when they die, stopped in reverse order."""

import asyncio
import ctypes
import logging
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence

from ..actors.loop.backoff import Backoff
from ..actors.messages.error import StartFailed

log = logging.getLogger("plait.process")

STOP_LIMIT = 40.0
"""Seconds that a process may take to drain; longer than any node's own limit."""

_TRIES = 5
_BACKOFF = Backoff()


def _die_with_parent(parent: int) -> Callable[[], None]:
    library = ctypes.CDLL(None)  # before the fork: after it only what is loaded is safe to call

    def prepare() -> None:
        if sys.platform == "linux":
            library.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a service must not outlive its mesh
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class Process:
    """One `plait node` with its targets; it is started again, with growing waits, when it ends by itself."""

    def __init__(self, name: str, arguments: Sequence[str], environment: dict[str, str], rng: random.Random) -> None:
        self.name = name
        self.restarts = 0
        self._command = [sys.executable, "-m", "plait.cli", "node", *arguments]
        self._environment = environment
        self._rng = rng
        self._child: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when it ended too often."""

    @property
    def pid(self) -> int:
        """The running process; 0 when there is none."""
        return self._child.pid if self._child is not None and self._child.returncode is None else 0

    async def start(self) -> None:
        """Start it and watch it.

        Raises:
            StartFailed: the system does not start a process.
        """
        await self._spawn()
        self._watch = asyncio.get_running_loop().create_task(self._restart())

    async def _spawn(self) -> None:
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # Ctrl-C reaches the parent alone, which stops its services in order
                preexec_fn=_die_with_parent(os.getpid()),
            )
        except OSError as error:
            raise StartFailed(f"no process for {self.name}: {error.strerror or error}") from error

    async def _restart(self) -> None:
        loop = asyncio.get_running_loop()
        tries, began = 0, loop.time()
        while True:
            assert self._child is not None
            status = await self._child.wait()
            if loop.time() - began > _BACKOFF.reset:
                tries = 0
            if tries >= _TRIES:
                reason = f"the process of {self.name} ended {tries + 1} times, last with status {status}"
                log.error("%s", reason)
                self.failed.set_result(reason)
                return
            log.warning("the process of %s ended with status %s: starting it again", self.name, status)
            await asyncio.sleep(_BACKOFF.wait(tries, self._rng))
            tries, began = tries + 1, loop.time()
            try:
                await self._spawn()
            except StartFailed as error:
                log.error("%s", error)
                self.failed.set_result(str(error))
                return
            self.restarts += 1

    async def stop(self) -> None:
        """Let it drain and end; kill it when it takes too long."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait((self._watch,))
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
