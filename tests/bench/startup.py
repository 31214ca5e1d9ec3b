"""How long people wait: `plait --help`, and `plait up` until it is ready."""

import subprocess
import time
from pathlib import Path

from .mesh import plait_command
from .process import Process

HELP_LIMIT = 0.150
"""Seconds that `plait --help` may take."""
UP_LIMIT = 5.0
"""Seconds that `plait up` may take until it is ready."""


def help_times(runs: int = 10) -> list[float]:
    """Wall time of `plait --help`, in seconds, of each run; the first, unlisted, warms the disk's cache.

    Raises:
        subprocess.SubprocessError: it failed.
    """
    times: list[float] = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([plait_command(), "--help"], stdout=subprocess.DEVNULL, check=True, timeout=30)
        times.append(time.perf_counter() - start)
    return times[1:]


def up_times(folder: Path, runs: int = 3) -> list[float]:
    """Seconds from starting `plait up` with Bookinfo to its `ready`, of each run; it is stopped in between.

    Raises:
        Unready: it was not ready in time.
    """
    times: list[float] = []
    for number in range(runs):
        command = [plait_command(), "up", "--app", "bookinfo", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        process = Process(f"up-{number}", [*command, "--mesh", "bench-up"], folder)
        try:
            times.append(process.wait_ready())
        finally:
            process.stop()
    return times
