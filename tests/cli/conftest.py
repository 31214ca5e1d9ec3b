"""A bus whose other end answers what a test wants, for verbs that run as users run them."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from plait.actors.bus import lean
from plait.cli.app import app

Answer = Callable[[bytes, bytes], Any]
"""Takes payload and header block; what it returns goes out as JSON (bytes as they are, None not at all)."""


class Mesh:
    """The other end: a thread with a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, bytes, bytes]] = []
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(5)

    def on(self, subject: str, answer: Any) -> None:
        """Answer requests to `plait.cli-test.<subject>`."""
        self._answers[subject] = answer if callable(answer) else lambda payload, headers: answer
        asyncio.run_coroutine_threadsafe(self._listen(subject), self._loop).result(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    async def _listen(self, subject: str) -> None:
        def deliver(on: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
            self.asked.append((subject, payload, headers))
            answer = self._answers[subject](payload, headers)
            if answer is not None:
                self._bus.publish(reply, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        self._bus.subscribe(f"plait.cli-test.{subject}".encode(), deliver)
        await self._bus.flush()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        self._end = asyncio.Event()
        self._bus = await lean.connect(self.url, name="other-end")
        self._up.set()
        await self._end.wait()
        await self._bus.close()


@pytest.fixture
def other_end(nats_server: Any, plait: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mesh]:
    """A mesh of the name that `plait` asks, at the bus that it finds."""
    mesh = Mesh(nats_server.url)
    monkeypatch.setenv("PLAIT_NATS_URL", nats_server.url)
    yield mesh
    mesh.stop()


@pytest.fixture
def plait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Run a verb as `main` would, with no environment but what the test names and no run file but its own."""
    for name in ("PLAIT_NATS_URL", "PLAIT_MESH", "PLAIT_OUTPUT", "PLAIT_HTTP", "PLAIT_ADMIN", "PLAIT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PLAIT_MESH", "cli-test")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*arguments: str, stdin: str | None = None, env: dict[str, str | None] | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, env=env, prog_name="plait")

    return run
