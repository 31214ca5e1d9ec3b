"""A NATS KV bucket as a `KeyValue`, spoken in JetStream's own JSON API over any bus connection.

Layout as every NATS client's KV (stream `KV_<bucket>`, subjects `$KV.<bucket>.<key>`), so that the `nats` command reads
it. Reads go to the stream's leader, so that they see every acknowledged write; a delete is a published marker whose
sequence is the revision, and which the server removes by itself after ten minutes.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from ..bus.ask import Asker
from ..messages.error import BadReply, Conflict, DeadlineExceeded, Disconnected, NoResponders, Refused, UnknownOutcome
from .store import Entry, Found

_WRONG_LAST_SEQUENCE = (10071, 10164)
_NO_MESSAGE = 10037
_NO_STREAM = 10059
_NO_JETSTREAM = (10039, 10076)
_NO_LEADER = 10008
_TRIES, _TRIES_OF_CLUSTER = 10, 60
_TRIES_TO_WRITE = 6
_ALONE = 4
"""Tries after which a server that stands alone has no JetStream: it would have it before it takes clients."""
_TOO_FEW = (10005, 10074)
"""No cluster, or too few servers with JetStream in it."""
NO_JETSTREAM = (
    "the bus has no JetStream, in which the registry and the policies are kept: set jetstream { store_dir: DIR, "
    "sync_interval: always } in its nats-server.conf, and where it has accounts jetstream: enabled in ours"
)
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
    config: dict[str, Any] | None = None


T = TypeVar("T")

log = logging.getLogger(__name__)

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
        """Make the bucket when it is missing: history 1, in files, on `replicas` servers or, if they are too few, one.

        One that is there on fewer servers is spread to `replicas`, where the cluster has them.

        Raises:
            Refused: JetStream does not want it, or the bus has none.
            DeadlineExceeded: JetStream has no leader yet.
            MeshError: no answer.
        """
        self._replicas = replicas
        found = await self._api(f"STREAM.INFO.{self._stream}")
        if found.error is None:
            await self._spread(found.config or {})
            return
        _check_there(found.error)
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
        if answer.error is not None and answer.error.err_code in _TOO_FEW and replicas > 1:
            log.warning("the bucket %s is on one server alone: %s", self._stream, answer.error.description)
            answer = await self._api(f"STREAM.CREATE.{self._stream}", config | {"num_replicas": 1})
        if answer.error is not None:
            _check_there(answer.error)
        if answer.error is not None and (await self._api(f"STREAM.INFO.{self._stream}")).error is not None:
            raise Refused(f"no bucket {self._stream}: {answer.error.description}")  # nobody else made it meanwhile

    async def _spread(self, config: dict[str, Any]) -> None:
        """Have a bucket of fewer copies grow; those that an operator gave it beyond ours stay."""
        copies = config.get("num_replicas", 1)
        if copies >= self._replicas:
            return
        answer = await self._api(f"STREAM.UPDATE.{self._stream}", config | {"num_replicas": self._replicas})
        if answer.error is not None:
            told = answer.error.description
            log.warning("the bucket %s stays on %d of %d servers: %s", self._stream, copies, self._replicas, told)

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
        answer = await self._unknown_when_lost(lambda: self._when_led(subject, value, headers))
        if answer.error is None:
            return answer.seq
        if answer.error.err_code in _WRONG_LAST_SEQUENCE:
            raise Conflict(f"{key}: {answer.error.description}")
        raise Refused(f"JetStream refused to write {key}: {answer.error.description}")

    async def _when_led(self, subject: bytes, value: bytes, headers: bytes) -> _Answer:
        """Ask again while nobody listens: the bucket is new to the server we talk to, or it elects a leader."""
        attempt = 1
        while True:
            try:
                return await self._ask(subject, value, headers)
            except NoResponders:
                if attempt == _TRIES_TO_WRITE:
                    raise NoResponders(f"the bucket {self._stream} has no leader just now") from None
                await asyncio.sleep(0.05 * attempt)
                attempt += 1

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


def _check_there(error: _Error) -> None:
    """Do nothing where JetStream is there.

    Raises:
        Refused: it is not.
        DeadlineExceeded: it has no leader, as a cluster that starts.
    """
    if error.err_code in _NO_JETSTREAM:
        raise Refused(f"{NO_JETSTREAM} ({error.description})")
    if error.err_code == _NO_LEADER:
        raise DeadlineExceeded(f"JetStream: {error.description}")


async def open_bucket(asker: Asker, bucket: str, replicas: int = 1, timeout: float = 1.0) -> JetStreamKeyValue:
    """Return a bucket, made when it is missing; waits through a server's start, or (`replicas` over 1) a cluster's.

    Raises:
        Refused: the bus has no JetStream, or it does not want the bucket.
        MeshError: it could not be had.
    """
    store = JetStreamKeyValue(asker, bucket, timeout)
    tries = _TRIES_OF_CLUSTER if replicas > 1 else _TRIES
    for attempt in range(1, tries + 1):
        try:
            await store.open(replicas)
            break
        except NoResponders:
            if attempt == (tries if replicas > 1 else _ALONE):
                raise Refused(NO_JETSTREAM) from None
        except DeadlineExceeded:
            if attempt == tries:
                raise
        await asyncio.sleep(min(0.1 * attempt, 0.5))
    return store
