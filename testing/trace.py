"""What happened in a simulated run: the last lines for people, and a digest over all of it for machines."""

import hashlib
import struct
from collections import deque
from collections.abc import Iterable

from .world import World

_pack = struct.Struct("<dI").pack


class Trace:
    """Writes down messages and events; keeps the last `kept` of them."""

    def __init__(self, world: World, kept: int = 2000) -> None:
        self._world = world
        self._digest = hashlib.blake2b(digest_size=16)
        self._lines: deque[tuple[float, str, bytes, int, bytes] | tuple[float, str]] = deque(maxlen=kept)

    def message(self, sender: str, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        """A message has reached the server."""
        now, update = self._world.now, self._digest.update
        update(_pack(now, len(payload)))
        update(b"%b %b %b\n" % (subject, reply, headers))  # neither subject holds a space
        update(payload)
        self._lines.append((now, sender, subject, len(payload), reply))

    def note(self, text: str) -> None:
        """Something else has happened."""
        now = self._world.now
        self._digest.update(_pack(now, len(text)))
        self._digest.update(text.encode())
        self._lines.append((now, text))

    def add(self, what: bytes) -> None:
        """Let the digest depend on `what`."""
        self._digest.update(what)

    @property
    def digest(self) -> str:
        """Return what is the same for two runs in which the same bytes passed at the same times."""
        return self._digest.hexdigest()

    def lines(self) -> list[str]:
        """Return the last that happened, one line each."""
        return list(_written(self._lines))


def _written(entries: Iterable[tuple[float, str, bytes, int, bytes] | tuple[float, str]]) -> Iterable[str]:
    for entry in entries:
        if len(entry) == 2:
            yield f"{entry[0]:12.6f}  * {entry[1]}"
        else:
            now, sender, subject, size, reply = entry
            wants = f" → {reply.decode(errors='replace')}" if reply else ""
            yield f"{now:12.6f}  {sender}: {subject.decode(errors='replace')} ({size} B){wants}"
