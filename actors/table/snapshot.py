"""Snapshots of a replicated table in chunks: cutting them, answering with them, fetching them."""

from collections.abc import Callable, Mapping, Sequence

from ..bus.ask import Asker
from ..bus.bus import Bus, Subscription
from ..bus.reply import may_answer
from ..messages.codec import Codec, encode
from ..messages.error import DeadlineExceeded, MeshError, Undecodable
from ..messages.subject import Subjects
from ..messages.table import Snapshot, SnapshotRequest

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

    def __init__(self, table: Callable[[], tuple[int, Mapping[str, bytes]]], limit: int = CHUNK) -> None:
        self.undecodable = 0
        self._table = table
        self._limit = limit
        self._revision = -1
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
        revision, entries = self._table()
        if request.known == revision and not request.revision:
            return encode(Snapshot(revision, 0, 0, ()))
        if revision != self._revision:
            self._chunks = cut(sorted(entries.items()), self._limit)
            self._revision = revision
        wanted = request.part if request.revision == revision and 0 <= request.part < len(self._chunks) else 0
        return encode(Snapshot(revision, wanted, len(self._chunks), self._chunks[wanted]))


async def fetch(
    asker: Asker, table: str, callee: str, known: int = 0, timeout: float = 1.0
) -> tuple[int, dict[str, bytes]] | None:
    """Ask `callee` for a whole table, chunk after chunk; None when it still stands at `known`.

    Raises:
        MeshError: nobody answered within `timeout` seconds, or the table moved too fast to be read.
    """
    subject = asker.subjects.snapshot(table, asker.caller)
    entries: dict[str, bytes] = {}
    revision = part = 0
    for _ in range(10_000):
        request = SnapshotRequest(revision, part, 0 if revision else known)
        chunk = _snapshots.decode(await asker.ask(callee, subject, encode(request), timeout))
        if not chunk.parts and chunk.revision == known:
            return None
        if chunk.revision != revision or chunk.part != part:  # a first chunk, or the table has moved: begin again
            if chunk.part != 0:
                revision = part = 0
                continue
            revision, part, entries = chunk.revision, 0, {}
        entries.update(chunk.entries)
        part += 1
        if part >= chunk.parts:
            return revision, entries
    raise DeadlineExceeded(f"the snapshot of {table} did not end")
