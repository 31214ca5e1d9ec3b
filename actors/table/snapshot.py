"""Snapshots of a replicated table in chunks: cutting them, answering with them, fetching them."""

from collections.abc import Callable, Sequence

from ..bus.ask import Asker
from ..bus.bus import Bus, Subscription
from ..bus.reply import may_answer
from ..messages.codec import Codec, encode
from ..messages.error import DeadlineExceeded, MeshError, Undecodable
from ..messages.subject import Subjects
from ..messages.table import Snapshot, SnapshotRequest
from .replica import Table

CHUNK = 512 * 1024  # bytes of keys and values in one answer: half of what a NATS server takes by default

_requests = Codec[SnapshotRequest](SnapshotRequest)
_snapshots = Codec[Snapshot](Snapshot)


def cut(entries: Sequence[tuple[str, bytes]], limit: int = CHUNK) -> list[tuple[tuple[str, bytes], ...]]:
    """Cut entries into chunks of at most `limit` bytes (a single larger entry stands alone); at least one chunk."""
    chunks: list[tuple[tuple[str, bytes], ...]] = []
    chunk: list[tuple[str, bytes]] = []
    size = 0
    for key, value in entries:
        cost = len(key) + len(value) + 16
        if chunk and size + cost > limit:
            chunks.append(tuple(chunk))
            chunk, size = [], 0
        chunk.append((key, value))
        size += cost
    chunks.append(tuple(chunk))
    return chunks


class SnapshotSource:
    """The owner's side: answers requests for snapshots from what `table` returns, straight from the bus callback.

    A replica that starts must not wait behind a slow write, so this does not pass through the owner's mailbox; the
    chunks of one revision are cut once.
    """

    def __init__(
        self, table: Callable[[], Table], limit: int = CHUNK, ahead: Callable[[int], object] = lambda known: None
    ) -> None:
        """`ahead` is told the revision of a replica that is past the owner, in the same epoch."""
        self.undecodable = 0
        self._table = table
        self._ahead = ahead
        self._limit = limit
        self._cut = (-1, -1)  # the epoch and the revision of the chunks
        self._chunks: list[tuple[tuple[str, bytes], ...]] = []

    def serve(self, bus: Bus, subjects: Subjects, table: str, callee: str) -> Subscription:
        """Answer requests for `table` as `callee`, which is also the queue group by which owners share the work."""

        def deliver(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
            if not may_answer(subjects, reply, callee, subject.rpartition(b".")[2].decode(errors="replace")):
                return
            try:
                bus.publish(reply, self.answer(payload))
            except Undecodable:
                self.undecodable += 1
            except MeshError:
                pass  # the connection is gone: the replica asks again

        return bus.subscribe(subjects.snapshots(table), deliver, callee.encode())

    def answer(self, payload: bytes) -> bytes:
        """Return the answer to one request.

        Raises:
            Undecodable: it is none.
        """
        request = _requests.decode(payload)
        revision, entries, epoch = self._table()
        if (request.epoch, request.known) == (epoch, revision) and not request.revision:
            return encode(Snapshot(revision, 0, 0, (), epoch))
        if request.epoch == epoch and request.known > revision:
            self._ahead(request.known)
        if self._cut != (epoch, revision):
            self._chunks = cut(sorted(entries.items()), self._limit)
            self._cut = epoch, revision
        goes_on = (request.epoch, request.revision) == (epoch, revision) and 0 <= request.part < len(self._chunks)
        wanted = request.part if goes_on else 0
        return encode(Snapshot(revision, wanted, len(self._chunks), self._chunks[wanted], epoch))


async def fetch(
    asker: Asker, table: str, callee: str, known: int = 0, timeout: float = 1.0, epoch: int = 0
) -> Table | None:
    """Ask `callee` for a whole table, chunk after chunk; None when it still stands at `known` of `epoch`.

    Raises:
        MeshError: nobody answered within `timeout` seconds, or the table moved too fast to be read.
    """
    subject = asker.subjects.snapshot(table, asker.caller)
    entries: dict[str, bytes] = {}
    standing, part = (0, 0), 0  # the epoch and the revision of what is being read
    for _ in range(10_000):
        reading = standing[1] > 0
        request = SnapshotRequest(standing[1], part, 0 if reading else known, standing[0] if reading else epoch)
        chunk = _snapshots.decode(await asker.ask(callee, subject, encode(request), timeout))
        if not chunk.parts and (chunk.epoch, chunk.revision) == (epoch, known):
            return None
        # A first chunk, or the table has moved: begin again.
        if (chunk.epoch, chunk.revision) != standing or chunk.part != part:
            if chunk.part != 0:
                standing, part = (0, 0), 0
                continue
            standing, part, entries = (chunk.epoch, chunk.revision), 0, {}
        entries.update(chunk.entries)
        part += 1
        if part >= chunk.parts:
            return Table(chunk.revision, entries, chunk.epoch)
    raise DeadlineExceeded(f"the snapshot of {table} did not end")
