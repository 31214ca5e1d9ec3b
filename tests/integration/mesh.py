"""A mesh of real processes for tests: started with state of its own, stopped by its own pid, searched for leftovers."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "PLAIT_TEST_MARK"
"""An environment variable that every process of one mesh inherits, by which they are found."""
TARGETS = Path(__file__).parent / "targets"
"""The folder that nodes are started in: its modules can be named as targets."""


class Running:
    """One `plait up` or `plait node`; what it prints is kept in files, so that no pipe can fill or leak."""

    def __init__(self, folder: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
        self.arguments = arguments
        self._out = folder / f"{secrets.token_hex(4)}.out"
        self._err = self._out.with_suffix(".err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "plait.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=TARGETS,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def out(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def err(self) -> str:
        return self._err.read_text(errors="replace")

    def line(self, word: str) -> str:
        """What stands behind `word` at the begin of a line of its output."""
        return next(line.split()[1] for line in self.out.splitlines() if line.split()[:1] == [word])

    def ready(self, limit: float = 20.0) -> "Running":
        """Wait until it prints `ready`."""
        wait_for(lambda: "ready" in self.out.splitlines() or self.process.poll() is not None, limit, self.told)
        assert self.process.poll() is None, self.told()
        return self

    def told(self) -> str:
        """Its command and all that it printed."""
        return f"plait {' '.join(self.arguments)}\n{self.out}\n{self.err}"

    def end(self, sign: signal.Signals = signal.SIGTERM, limit: float = 20.0) -> int:
        """Send a signal and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise AssertionError(f"it did not end within {limit:g} s of {sign.name}: {self.told()}") from None


class Mesh:
    """One `plait up` and the nodes beside it."""

    def __init__(self, folder: Path, name: str = "default") -> None:
        self.folder = folder
        self.name = name
        self.mark = secrets.token_hex(8)
        self.nodes: list[Running] = []
        self.run_folder, self.temporary = folder / "run", folder / "tmp"
        self.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temporary.mkdir(exist_ok=True)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PLAIT_", "XDG_", "OTEL_"))}
        self.environment = {
            **inherited,
            MARK: self.mark,
            "PLAIT_MESH": name,
            "XDG_RUNTIME_DIR": str(self.run_folder),
            "XDG_STATE_HOME": str(folder / "state-home"),
            "TMPDIR": str(self.temporary),
        }

    # Its processes

    def spawn(self, *arguments: str, **environment: str) -> Running:
        """Start `plait` with these arguments and do not wait."""
        return Running(self.folder, {**self.environment, **environment}, arguments)

    def up(self, *arguments: str, limit: float = 20.0) -> "Mesh":
        """Start `plait up` on free ports and wait until it is ready."""
        self.main = self.spawn("up", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", *arguments)
        try:
            self.main.ready(limit)
        except BaseException:
            self.stop()
            raise
        self.nats, self.http, self.admin = (self.main.line(word) for word in ("nats", "http", "admin"))
        return self

    def node(self, *targets: str, **environment: str) -> Running:
        """Start a node beside it and wait until it is ready."""
        node = self.spawn("node", *targets, **environment)
        self.nodes.append(node)
        return node.ready()

    def plait(self, *arguments: str, text: str = "", limit: float = 20.0) -> "subprocess.CompletedProcess[str]":
        """Run a verb to its end."""
        return subprocess.run(
            [sys.executable, "-m", "plait.cli", *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=limit,
            env=self.environment,
            cwd=self.folder,
            check=False,
        )

    def read(self, *arguments: str) -> Any:
        """Run a verb with `-o json`; what it prints, read."""
        done = self.plait(*arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def apply(self, text: str) -> None:
        """Apply documents; they have to be taken."""
        done = self.plait("apply", "-f", "-", text=text)
        assert done.returncode == 0, done.stderr

    def pids(self, words: str = "") -> list[int]:
        """All living processes of this mesh whose command line holds `words`."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                marked = f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if marked and words in command and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(entry.name))
        return sorted(found)

    def left(self) -> list[str]:
        """What a mesh that has ended left behind: processes, run files, temporary folders."""
        files = [str(path) for path in (*self.run_folder.rglob("*"), *self.temporary.rglob("*")) if path.is_file()]
        folders = [str(path) for path in self.temporary.iterdir() if path.is_dir()]
        return [f"process {pid}" for pid in self.pids()] + files + folders

    def end_nodes(self) -> None:
        """End every node beside `plait up`."""
        while self.nodes:
            self.nodes.pop().end()

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End the nodes, then `plait up`; its exit status. Nothing may be left."""
        try:
            self.end_nodes()
            status = self.main.end(sign)
            wait_for(lambda: not self.pids(), 5.0, lambda: f"left behind: {self.left()}\n{self.main.told()}")
        finally:
            for pid in self.pids():  # a test that failed must not burden those after it
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return status


def wait_for(holds: Callable[[], object], limit: float, why: Callable[[], str] = lambda: "") -> None:
    """Look every 10 ms until `holds`, at most `limit` seconds."""
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, f"not within {limit:g} s: {why()}"
        time.sleep(0.01)
