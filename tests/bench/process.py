"""Processes of a benchmark: started with their output in a file, waited for, measured and stopped by their own id."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc: ctypes.CDLL | None = ctypes.CDLL(None) if sys.platform == "linux" else None

PATIENCE = 30.0
"""Seconds that a process has to say that it is ready."""


class Unready(Exception):
    """A process ended, or said nothing, before it was ready; the message holds its last words."""


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One process of our own; `name` stands in the tables, its output goes to `folder/name.log`."""

    def __init__(
        self, name: str, command: Sequence[str | Path], folder: Path, *, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.started = time.perf_counter()
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The system's number of the process."""
        return self._child.pid

    def wait_ready(self, word: str = "ready", patience: float = PATIENCE) -> float:
        """Wait for a line that is `word`, and return the seconds since the start (to 2 ms).

        Raises:
            Unready: it ended first, or `patience` seconds passed.
        """
        end = time.perf_counter() + patience
        while word not in self.lines():
            if self._child.poll() is not None:
                raise Unready(f"{self.name} ended with status {self._child.returncode}: {self._last_words()}")
            if time.perf_counter() > end:
                raise Unready(f"{self.name} was not ready in {patience:.0f} s: {self._last_words()}")
            time.sleep(0.002)
        return time.perf_counter() - self.started

    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self._log.read_text(errors="replace").splitlines()

    def value(self, key: str) -> str:
        """What it printed behind `key`: of `http   http://127.0.0.1:80` the address.

        Raises:
            Unready: there is no such line.
        """
        for line in self.lines():
            words = line.split()
            if len(words) == 2 and words[0] == key:
                return words[1]
        raise Unready(f"{self.name} did not print its {key!r}: {self._last_words()}")

    def stop(self, patience: float = 10.0) -> int:
        """Ask it to end, end it if it does not within `patience` seconds, and return its status."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                return self._child.wait(patience)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()

    def _last_words(self) -> str:
        return " | ".join(self.lines()[-5:]) or "it said nothing"


def cpu_ns(pid: int) -> int:
    """CPU time that all threads of a process have used, in nanoseconds, ended threads included.

    Raises:
        ProcessLookupError: there is no such process.
    """
    # The clock id of another process is its inverted number above three bits of kind, as clock_getcpuclockid(3) makes
    # it. /proc/<pid>/stat counts in ticks of 10 ms: too coarse for a cell of one second.
    with contextlib.suppress(OSError):
        return time.clock_gettime_ns(~pid << 3 | 2)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise ProcessLookupError(pid) from None
    return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def all_of(processes: list[Process]) -> Generator[list[Process]]:
    """The processes added to the list inside the block, stopped in reverse order at its end."""
    try:
        yield processes
    finally:
        for process in reversed(processes):
            process.stop()
