"""A NATS KV bucket as a `KeyValue`, spoken in JetStream's own JSON API over any bus connection.

Layout as every NATS client's KV (stream `KV_<bucket>`, subjects `$KV.<bucket>.<key>`), so that the `nats` command reads
it. Reads go to the stream's leader, so that they see every acknowledged write; a delete is a published marker whose
sequence is the revision, and which the server removes by itself after ten minutes.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from ..bus.ask import Asker
from ..messages.error import BadReply, Conflict, DeadlineExceeded, Disconnected, NoResponders, Refused, UnknownOutcome
from .store import Entry, Found

_WRONG_LAST_SEQUENCE = (10071, 10164)
_NO_MESSAGE = 10037
_NO_STREAM = 10059
_MARKER_LIFE = 600  # seconds
_PARALLEL = 64  # reads under way at a time


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _State(msgspec.Struct):
    last_seq: int = 0
    subjects: dict[str, int] | None = None


class _Message(msgspec.Struct):
    seq: int
    data: str = ""
    hdrs: str = ""


class _Answer(msgspec.Struct):
    """Every answer of the API: the fields of all that are asked here."""

    error: _Error | None = None
    seq: int = 0
    state: _State | None = None
    message: _Message | None = None
    total: int = 0


T = TypeVar("T")

_decode = msgspec.json.Decoder(_Answer).decode


class JetStreamKeyValue:
    """One bucket. Make it with `open_bucket`."""

    def __init__(self, asker: Asker, bucket: str, timeout: float = 1.0) -> None:
        self._asker = asker
        self._timeout = timeout
        self._stream = f"KV_{bucket}"
        self._prefix = f"$KV.{bucket}."
        self._replicas = 1

    async def open(self, replicas: int = 1) -> None:
        """Make the bucket when it is missing (history 1, file storage).

        Raises:
            Refused: JetStream does not want it.
            MeshError: no answer.
        """
        self._replicas = replicas
        if (await self._api(f"STREAM.INFO.{self._stream}")).error is None:
            return
        config: dict[str, Any] = {
            "name": self._stream,
            "subjects": [self._prefix + ">"],
            "max_msgs_per_subject": 1,
            "storage": "file",
            "num_replicas": replicas,
            "discard": "new",
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "allow_direct": True,
            "allow_msg_ttl": True,
        }
        answer = await self._api(f"STREAM.CREATE.{self._stream}", config)
        if answer.error is not None and (await self._api(f"STREAM.INFO.{self._stream}")).error is not None:
            raise Refused(f"no bucket {self._stream}: {answer.error.description}")  # nobody else made it meanwhile

    # Writes

    async def create(self, key: str, value: bytes) -> int:
        """See `KeyValue.create`."""
        try:
            return await self._write(key, value, 0)
        except Conflict:
            found = await self._unknown_when_lost(lambda: self._last(key))
            if found is None or not found[1]:
                raise
            return await self._write(key, value, found[0].revision)  # only a delete marker stands there

    async def update(self, key: str, value: bytes, last: int) -> int:
        """See `KeyValue.update`."""
        return await self._write(key, value, last)

    async def delete(self, key: str, last: int) -> int:
        """See `KeyValue.delete`."""
        return await self._write(key, b"", last, f"KV-Operation: DEL\r\nNats-TTL: {_MARKER_LIFE}s\r\n")

    async def _write(self, key: str, value: bytes, last: int, more: str = "") -> int:
        headers = f"NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: {last}\r\n{more}\r\n".encode()
        subject = (self._prefix + key).encode()
        answer = await self._unknown_when_lost(lambda: self._ask(subject, value, headers))
        if answer.error is None:
            return answer.seq
        if answer.error.err_code in _WRONG_LAST_SEQUENCE:
            raise Conflict(f"{key}: {answer.error.description}")
        raise Refused(f"JetStream refused to write {key}: {answer.error.description}")

    async def _unknown_when_lost(self, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            return await attempt()
        except (DeadlineExceeded, Disconnected, BadReply) as error:
            raise UnknownOutcome(str(error)) from error

    # Reads

    async def get(self, key: str) -> Found | None:
        """See `KeyValue.get`."""
        found = await self._last(key)
        return None if found is None or found[1] else found[0]

    async def revision(self) -> int:
        """See `KeyValue.revision`."""
        return (await self._state("")).last_seq

    async def entries(self) -> tuple[list[Entry], int]:
        """See `KeyValue.entries`."""
        tries = 5
        while True:
            state = await self._state(self._prefix + ">")
            found = await self._read_all(sorted(state.subjects or {}))
            tries -= 1
            if not tries or await self.revision() == state.last_seq:  # nobody wrote meanwhile: all of one revision
                # Under steady writing some values are newer than the revision; the changes after it bring the rest.
                return found, state.last_seq

    async def _read_all(self, subjects: list[str]) -> list[Entry]:
        entries: list[Entry] = []
        for start in range(0, len(subjects), _PARALLEL):
            keys = [subject.removeprefix(self._prefix) for subject in subjects[start : start + _PARALLEL]]
            for key, found in zip(keys, await asyncio.gather(*map(self.get, keys)), strict=True):
                if found is not None:
                    entries.append(Entry(key, *found))
        return entries

    async def _state(self, subjects: str) -> _State:
        """Return the stream's state; with all its subjects, however many pages they fill, when asked for."""
        names: dict[str, int] = {}
        while True:
            request = {"subjects_filter": subjects, "offset": len(names)} if subjects else {}
            answer = await self._about("INFO", request)
            if answer.error is not None or answer.state is None:
                raise Refused(f"JetStream: {answer.error.description if answer.error else 'no state'}")
            page = answer.state.subjects or {}
            names |= page
            if not page or len(names) >= answer.total:
                return _State(answer.state.last_seq, names)

    async def _last(self, key: str) -> tuple[Found, bool] | None:
        """Return the last message of a key and whether it is a delete marker."""
        answer = await self._about("MSG.GET", {"last_by_subj": self._prefix + key})
        if answer.error is not None and answer.error.err_code == _NO_MESSAGE:
            return None
        if answer.error is not None or answer.message is None:
            raise Refused(f"JetStream: {answer.error.description if answer.error else 'no message'}")
        try:
            value, headers = base64.b64decode(answer.message.data), base64.b64decode(answer.message.hdrs)
        except binascii.Error as error:
            raise BadReply(f"JetStream: {error}") from None
        gone = b"KV-Operation:" in headers or b"Nats-Marker-Reason:" in headers
        return Found(value, answer.message.seq), gone

    async def _about(self, call: str, request: dict[str, Any]) -> _Answer:
        """Ask about the bucket, which is made again when the server has lost it."""
        answer = await self._api(f"STREAM.{call}.{self._stream}", request)
        if answer.error is not None and answer.error.err_code == _NO_STREAM:
            await self.open(self._replicas)
            answer = await self._api(f"STREAM.{call}.{self._stream}", request)
        return answer

    async def _api(self, call: str, request: dict[str, Any] | None = None) -> _Answer:
        return await self._ask(f"$JS.API.{call}".encode(), msgspec.json.encode(request) if request else b"")

    async def _ask(self, subject: bytes, payload: bytes, headers: bytes = b"") -> _Answer:
        try:
            return _decode(await self._asker.ask("jetstream", subject, payload, self._timeout, headers))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadReply(f"JetStream: {error}") from None


async def open_bucket(asker: Asker, bucket: str, replicas: int = 1, timeout: float = 1.0) -> JetStreamKeyValue:
    """Return a bucket, made when it is missing; waits through a server's or cluster's start for up to 10 tries.

    Raises:
        MeshError: it could not be had.
    """
    store = JetStreamKeyValue(asker, bucket, timeout)
    for attempt in range(10):
        try:
            await store.open(replicas)
            break
        except (DeadlineExceeded, NoResponders):
            if attempt == 9:
                raise
            await asyncio.sleep(0.1 * attempt)
    return store
