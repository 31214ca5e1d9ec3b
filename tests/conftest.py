"""What tests share: the event loop's kind, a bounded wait, real NATS servers on loopback, buses of each kind."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.actors.bus import lean, natspy
from plait.actors.bus.memory import MemoryServer


def pytest_addoption(parser):
    parser.addoption(
        "--revisions", type=int, default=100, help="random policy revisions that a mesh goes through under load"
    )


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def until():
    """Waits for something to become true: `await until(lambda: bus.stalled)`; fails after `limit` seconds."""

    async def wait(holds: Callable[[], object], limit: float = 5.0) -> None:
        end = time.monotonic() + limit
        while not holds():
            assert time.monotonic() < end, "it did not become true in time"
            await asyncio.sleep(0.002)

    return wait


class NatsServer:
    """A nats-server of our own, on a free port of 127.0.0.1; `extra` is more of its configuration."""

    JETSTREAM = 'jetstream {{ store_dir: "{}/js", sync_interval: always }}'

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.folder = folder
        self.port = -1
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def url_for(self, credentials: str) -> str:
        """The URL with `user:password` or a token in front."""
        return f"nats://{credentials}@127.0.0.1:{self.port}"

    def start(self) -> "NatsServer":
        """Start it, on the same port as before if it ran before, and wait until it listens."""
        for old in self.folder.glob("*.ports"):
            old.unlink()
        config = self.folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nports_file_dir: "{self.folder}"\n'
            f"{self.JETSTREAM.format(self.folder)}\n{self.extra}\n"
        )
        binary = Path(sysconfig.get_path("scripts")) / "nats-server"
        self.process = subprocess.Popen(
            [binary, "-c", config, "-l", self.folder / "log"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            for ports in self.folder.glob("*.ports"):
                with contextlib.suppress(json.JSONDecodeError):
                    self.port = int(json.loads(ports.read_text())["nats"][0].rsplit(":", 1)[1])
                    return self
            time.sleep(0.005)
        raise TimeoutError("nats-server did not say where it listens")

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a farewell."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it and start it again on the same port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it; its connections stay open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)  # it stands still only after a while

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, sign: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(sign)
        if sign != signal.SIGKILL:
            self.process.send_signal(signal.SIGCONT)  # a frozen one hears it only then
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory):
    """One server for all tests that do it no harm; with JetStream."""
    server = NatsServer(tmp_path_factory.mktemp("nats")).start()
    yield server
    server.stop()


@pytest.fixture
def start_nats(tmp_path_factory):
    """Starts servers for one test: `start_nats("max_payload: 1KB")`."""
    servers: list[NatsServer] = []

    def start(extra: str = "") -> NatsServer:
        servers.append(NatsServer(tmp_path_factory.mktemp("nats"), extra))
        return servers[-1].start()

    yield start
    for server in servers:
        server.kill()


class BusWorld:
    """A server of one kind, which can go away and come back, and its connections."""

    def __init__(self, kind, start_nats):
        self.kind = kind
        self.buses = []
        self.memory = MemoryServer() if kind == "memory" else None
        self.server = None if self.memory else start_nats()

    async def connect(self, name="test"):
        if self.memory:
            bus = self.memory.connect(name)
        else:
            module = natspy if self.kind == "natspy" else lean
            bus = await module.connect(self.server.url, name, rng=random.Random(1))
        self.buses.append(bus)
        return bus

    def go_away(self):
        if self.memory:
            for bus in self.buses:
                self.memory.disconnect(bus)
        else:
            self.server.kill()

    def come_back(self):
        if self.memory:
            for bus in self.buses:
                self.memory.reconnect(bus)
        else:
            self.server.start()

    def ask(self, bus, subject, payload=b"", reply=b"rsp.a.1"):
        """Return the answer to come; an error is raised where it is awaited."""
        answer = asyncio.get_running_loop().create_future()

        def done(result):
            answer.set_exception(result) if isinstance(result, Exception) else answer.set_result(result)

        bus.request(subject, payload, reply, done)
        return asyncio.wait_for(answer, 3)

    def echo(self, bus, subject=b"echo"):
        """Answer everything on `subject` with what it says."""
        return bus.subscribe(subject, lambda s, reply, payload, headers: bus.publish(reply, payload))


@pytest.fixture
async def world(kind, start_nats):
    """A `BusWorld` of the module's `kind`: `lean-…`, `natspy` or `memory`."""
    world = BusWorld(kind, start_nats)
    yield world
    for bus in world.buses:
        await bus.close()
