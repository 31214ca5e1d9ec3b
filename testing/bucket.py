"""The durable store as simulated nodes see it: JetStream's rules, a way there and back, and answers that get lost."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ..actors.messages.error import BusUnavailable, DeadlineExceeded, Disconnected, MeshError, UnknownOutcome
from ..actors.table.epoch import KEY as EPOCH
from ..actors.table.memory_store import MemoryKeyValue
from ..actors.table.store import Entry, Found

if TYPE_CHECKING:
    from .host import Host
    from .network import SimServer

T = TypeVar("T")

TIMEOUT = 1.0
"""Seconds after which an answer is given up, as `JetStreamKeyValue` does."""


class Stores:
    """All buckets of one run; they outlive every node."""

    def __init__(self, server: "SimServer", rng: random.Random) -> None:
        self.server = server
        self.rng = rng
        self.buckets: dict[str, MemoryKeyValue] = {}
        self.trouble_until = 0.0
        """When the trouble ends in which a third of the operations fail, and a third of the answers get lost."""

    def bucket(self, name: str) -> MemoryKeyValue:
        """Return the truth of a bucket, made when it is missing."""
        return self.buckets.setdefault(name, MemoryKeyValue())

    def peek(self, name: str, key: str) -> Found | None:
        """Return what stands at a key, without a way there."""
        return _done(self.bucket(name).get(key))

    def all(self, name: str) -> tuple[list[tuple[str, bytes]], int]:
        """Return the keys and values of a table and its revision, without a way there."""
        entries, revision = _done(self.bucket(name).entries())
        return [(entry.key, entry.value) for entry in entries if entry.key != EPOCH], revision

    def lose(self, name: str) -> None:
        """Lose what a bucket holds: whoever looks next finds it empty, and its revisions begin anew."""
        self.buckets[name] = MemoryKeyValue()

    def reaches(self, host: "Host") -> bool:
        """Return whether a node's operations arrive: the side of a partition that is larger keeps the store."""
        return not host.isolated and host.side == 0 and self.server.world.now >= self.server.down_until

    def troubled(self) -> bool:
        """Draw whether this step of an operation is lost."""
        return self.server.world.now < self.trouble_until and self.rng.random() < 1 / 3


class SimBucket:
    """A `KeyValue` for one node."""

    def __init__(self, stores: Stores, name: str, host: "Host") -> None:
        self._stores = stores
        self._name = name
        self._host = host
        self._loop = host.loop

    @property
    def _truth(self) -> MemoryKeyValue:
        return self._stores.bucket(self._name)

    async def create(self, key: str, value: bytes) -> int:
        """See `KeyValue.create`."""
        return await self._write(lambda: self._truth.create(key, value))

    async def update(self, key: str, value: bytes, last: int) -> int:
        """See `KeyValue.update`."""
        return await self._write(lambda: self._truth.update(key, value, last))

    async def delete(self, key: str, last: int) -> int:
        """See `KeyValue.delete`."""
        return await self._write(lambda: self._truth.delete(key, last))

    async def get(self, key: str) -> Found | None:
        """See `KeyValue.get`."""
        return await self._do(lambda: self._truth.get(key))

    async def entries(self) -> tuple[list[Entry], int]:
        """See `KeyValue.entries`."""
        return await self._do(lambda: self._stores.bucket(self._name).entries())

    async def revision(self) -> int:
        """See `KeyValue.revision`."""
        return await self._do(lambda: self._stores.bucket(self._name).revision())

    async def _write(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return await self._do(operation)
        except (DeadlineExceeded, Disconnected) as error:
            raise UnknownOutcome(str(error)) from error

    async def _do(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        stores, host, world = self._stores, self._host, self._stores.server.world
        lines, draw = stores.server.weather.lines, stores.rng.random
        if not any(bus.online for bus in stores.server.of(host)):
            raise BusUnavailable("the bus is reconnecting")
        future: asyncio.Future[T] = self._loop.create_future()

        def execute() -> None:
            if not stores.reaches(host) or stores.troubled():
                return
            answer: T | MeshError
            try:
                answer = _done(operation())
            except MeshError as error:
                answer = error
            if not stores.troubled():
                world.at(world.now + lines.shortest + lines.spread * draw(), self._loop.arrive, answered, answer)

        def answered(answer: "T | MeshError") -> None:
            if future.done():
                return
            if isinstance(answer, MeshError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        late = self._loop.call_later(TIMEOUT, answered, DeadlineExceeded(f"no answer within {TIMEOUT:g} s"))
        world.at(world.now + lines.shortest + lines.spread * draw(), execute)
        try:
            return await future
        finally:
            late.cancel()


def _done(operation: Coroutine[Any, Any, T]) -> T:
    """Run an operation of the truth, which waits for nothing."""
    try:
        operation.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("an operation in memory waits")
