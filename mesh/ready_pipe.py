"""The pipe on which a process that was started says that it is ready, as a line of its output."""

import asyncio
import os
from contextlib import suppress

WORD = b"ready"
_CHUNK = 65536


class ReadyPipe:
    """One process's standard output, read until it ends: what fills a pipe that nobody reads would block it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open it.

        Raises:
            OSError: there are too many open files.
        """
        self.told: asyncio.Future[None] = loop.create_future()
        """Done when the process has said so."""
        self._loop = loop
        self._end, self.writer = os.pipe()
        os.set_blocking(self._end, False)
        self._line = b""
        self._open = True
        loop.add_reader(self._end, self._read)

    def started(self) -> None:
        """Leave the writing end to the process alone, so that its end can be noticed."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def _read(self) -> None:
        try:
            chunk = os.read(self._end, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return
        *lines, rest = (self._line + chunk).split(b"\n")
        self._line = rest[: len(WORD) + 1]  # a longer line cannot be the word
        if WORD in lines and not self.told.done():
            self.told.set_result(None)

    def close(self) -> None:
        """Listen no more."""
        self.started()
        if self._open:
            self._open = False
            self._loop.remove_reader(self._end)
            with suppress(OSError):
                os.close(self._end)
