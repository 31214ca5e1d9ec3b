"""Child processes that never outlive their parent: started with no terminal, stopped by SIGTERM and then for good."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc: ctypes.CDLL | None = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Loaded here: after a fork only what is already loaded is safe to call."""


def spawn(command: Sequence[str | Path], *, keep: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start `command` with nothing on its standard streams; `keep` lists file descriptors that it inherits.

    It has a session of its own: a Ctrl-C at the terminal reaches the parent alone, which then stops its children in
    order. On Linux it gets SIGTERM when the parent dies, however it dies.

    Raises:
        OSError: the program cannot be run.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        if _libc is None:
            return
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died between fork and prctl: no signal will come
            os._exit(1)

    return subprocess.Popen(
        [str(part) for part in command],
        # An inherited pipe would keep the parent's reader waiting after the parent's death.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509  -- two system calls, no lock
        start_new_session=True,
        pass_fds=tuple(keep),
    )


async def stop(child: subprocess.Popen[bytes], timeout: float = 5.0) -> int:
    """Ask `child` to stop, kill it after `timeout` seconds, and return its exit status (negative: the signal)."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        status = await ended(child, timeout)
        if status is not None:
            return status
        child.kill()
    return await asyncio.to_thread(child.wait)


async def ended(child: subprocess.Popen[bytes], timeout: float, pause: float = 0.005) -> int | None:
    """Return the exit status of `child`, or None when it still runs after `timeout` seconds; the loop runs on."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while (status := child.poll()) is None and loop.time() < end:  # noqa: ASYNC110  -- no event tells
        await asyncio.sleep(pause)
    return status
