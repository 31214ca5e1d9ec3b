"""The in-memory twin of the JetStream store, for tests and the simulator; it can lose answers on purpose."""

from ..messages.error import Conflict, UnknownOutcome
from .store import Entry, Found


class MemoryKeyValue:
    """A `KeyValue` that lives as long as the object; several users of one object are several writers."""

    def __init__(self) -> None:
        self.lose = 0
        """Writes to come that take place and whose answer does not come."""
        self.fail = 0
        """Writes to come that do not take place and whose answer does not come."""
        self.writes = 0
        self._entries: dict[str, Found] = {}
        self._revision = 0

    async def create(self, key: str, value: bytes) -> int:
        """See `KeyValue.create`."""
        if key in self._entries:
            self._answer()
            raise Conflict(f"{key} is there already")
        return self._write(key, value)

    async def update(self, key: str, value: bytes, last: int) -> int:
        """See `KeyValue.update`."""
        self._compare(key, last)
        return self._write(key, value)

    async def delete(self, key: str, last: int) -> int:
        """See `KeyValue.delete`."""
        self._compare(key, last)
        return self._write(key, None)

    async def get(self, key: str) -> Found | None:
        """See `KeyValue.get`."""
        return self._entries.get(key)

    async def entries(self) -> tuple[list[Entry], int]:
        """See `KeyValue.entries`."""
        return [Entry(key, *self._entries[key]) for key in sorted(self._entries)], self._revision

    async def revision(self) -> int:
        """See `KeyValue.revision`."""
        return self._revision

    def _compare(self, key: str, last: int) -> None:
        found = self._entries.get(key)
        if found is None or found.revision != last:
            self._answer()
            raise Conflict(f"{key} stands at {found.revision if found else 'nothing'}, not at {last}")

    def _write(self, key: str, value: bytes | None) -> int:
        if self.fail:
            self.fail -= 1
            raise UnknownOutcome
        self.writes += 1
        self._revision += 1
        if value is None:
            del self._entries[key]
        else:
            self._entries[key] = Found(value, self._revision)
        self._answer()
        return self._revision

    def _answer(self) -> None:
        if self.lose:
            self.lose -= 1
            raise UnknownOutcome
