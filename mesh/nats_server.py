"""An embedded nats-server: started on a loopback port with its own state folder, stopped without a trace."""

import asyncio
import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec

from ..actors.messages.error import StartFailed
from . import child
from .nats_binary import find_nats_server
from .nats_config import SYSTEM_USER, render

__all__ = ["EmbeddedNats", "find_nats_server"]

_GIB = 1 << 30
_PAUSE = 0.003
"""Seconds between two looks at the ports file; the server needs some 20 ms."""


class _Ports(msgspec.Struct):
    """What the server writes about its listeners."""

    nats: list[str]
    monitoring: list[str] = []


_ports = msgspec.json.Decoder(_Ports).decode


class EmbeddedNats:
    """One nats-server process of this mesh.

    State lives in `state`, or in a temporary folder that `stop` removes. After the first start the port is kept, so
    that `start` after a crash brings the server back where its clients look for it.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        port: int = -1,
        max_store: int = 4 * _GIB,
        monitor: bool = False,
        name: str = "plait",
        program: Path | None = None,
    ) -> None:
        self._state = state.resolve() if state is not None else None
        self._port = port
        self._max_store = max_store
        self._monitor = monitor
        self._name = name
        self._program = program
        self._password = secrets.token_urlsafe(24)
        self._folder: Path | None = None
        self._lock = -1
        self._child: subprocess.Popen[bytes] | None = None
        self._ports = _Ports([])

    @property
    def url(self) -> str:
        """Where clients of the mesh connect; they need no credentials."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def system_url(self) -> str:
        """The same with the credentials of the user who sees connections come and go."""
        return f"nats://{SYSTEM_USER}:{self._password}@127.0.0.1:{self._port}"

    @property
    def monitor_url(self) -> str:
        """The server's own HTTP pages; empty unless they were asked for."""
        return self._ports.monitoring[0] if self._ports.monitoring else ""

    @property
    def pid(self) -> int:
        """The server's process; 0 when none was started."""
        return self._child.pid if self._child is not None else 0

    @property
    def running(self) -> bool:
        """True while the server's process lives."""
        return self._child is not None and self._child.poll() is None

    @property
    def folder(self) -> Path:
        """Where configuration, log and JetStream's files are.

        Raises:
            StartFailed: the server was never started.
        """
        if self._folder is None:
            raise StartFailed("the embedded nats-server was not started")
        return self._folder

    async def start(self, timeout: float = 10.0) -> None:
        """Start the server and wait until it listens, at most `timeout` seconds.

        Raises:
            StartFailed: there is no program, the state folder or the port is taken, or it did not listen in time.
        """
        if self.running:
            return
        program = self._program = self._program or find_nats_server()
        fresh = self._folder is None
        folder = self._open()
        try:
            config = _write_private(
                folder / "nats.conf",
                render(
                    folder,
                    port=self._port,
                    password=self._password,
                    max_store=self._max_store,
                    monitor=self._monitor,
                    name=self._name,
                ),
            )
            self._forget_ports()
            # The server inherits the folder's lock: no second one can open these files while it lives.
            self._child = child.spawn([program, "-c", config], keep=[self._lock])
            await self.wait_ready(timeout)
        except BaseException as error:
            # A restart that fails keeps the state that the server had before.
            await asyncio.shield(self._end(5.0, remove=fresh))
            if isinstance(error, OSError):
                raise StartFailed(f"nats-server could not start: {error}") from error
            raise

    async def wait_ready(self, timeout: float = 10.0) -> None:
        """Wait until the server has written which ports it took.

        Raises:
            StartFailed: it ended first, or wrote nothing within `timeout` seconds.
        """
        if self._child is None:
            raise StartFailed("the embedded nats-server was not started")
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        program = self._program.name if self._program is not None else ""
        written = self.folder / f"{program}_{self._child.pid}.ports"
        while True:
            # The file may be there half written.
            if (ports := _read_ports(written)) is not None:
                self._ports = ports
                self._port = urlsplit(ports.nats[0]).port or self._port
                return
            if self._child.poll() is not None:
                raise StartFailed(f"nats-server ended at its start: {self._last_words()}")
            if loop.time() > end:
                raise StartFailed(f"nats-server did not listen within {timeout:g} s: {self._last_words()}")
            await asyncio.sleep(_PAUSE)

    def kill(self) -> None:
        """Kill the server at once, as a crash would; its files and its port are kept for the next `start`."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    async def stop(self, timeout: float = 5.0) -> None:
        """Stop the server, kill it after `timeout` seconds, and remove a temporary state folder."""
        await self._end(timeout, remove=True)

    async def ended(self) -> int:
        """Wait until the server's process ends, however it does, and return its exit status (negative: the signal)."""
        assert self._child is not None, "nothing was started"
        while (status := await child.ended(self._child, timeout=60.0, pause=0.1)) is None:
            pass
        return status

    async def _end(self, timeout: float, *, remove: bool) -> None:
        if self._child is not None:
            await child.stop(self._child, timeout)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        if self._folder is not None:
            self._forget_ports()
            if self._state is None and remove:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _open(self) -> Path:
        if self._folder is None:
            if self._state is None:
                self._folder = Path(tempfile.mkdtemp(prefix="plait-nats-"))
            else:
                self._folder = self._state / "nats"
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock < 0:
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(lock)
                raise StartFailed(f"the state folder {self._folder} is in use by another nats-server") from error
            self._lock = lock
        return self._folder

    def _forget_ports(self) -> None:
        """A server that was killed leaves the file behind."""
        for stale in self.folder.glob("*.ports"):
            stale.unlink(missing_ok=True)

    def _last_words(self) -> str:
        try:
            lines = (self.folder / "nats.log").read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log; its configuration may be refused"
        bad = [line for line in lines if "[FTL]" in line or "[ERR]" in line]
        return (bad or lines or ["its log is empty"])[-1]


def _read_ports(path: Path) -> _Ports | None:
    try:
        ports = _ports(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return ports if ports.nats else None


def _write_private(path: Path, text: str) -> Path:
    """The mode is set before the secret is in the file, also on one that was there before."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    return path
