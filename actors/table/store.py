"""Durable keys and values with compare-and-set, and what to do when a write's answer does not come.

Revisions are numbers of one sequence over the whole store: every write, a delete too, takes the next one. Two
implementations pass the same test suite: `jetstream` (a NATS KV bucket) and `memory_store`.
"""

from typing import NamedTuple, Protocol

from ..messages.error import Conflict, MeshError, UnknownOutcome


class Found(NamedTuple):
    """What stands at a key."""

    value: bytes
    revision: int


class Entry(NamedTuple):
    """One key of the store."""

    key: str
    value: bytes
    revision: int


class KeyValue(Protocol):
    """A store of values whose keys are subject tokens joined by dots."""

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that is not there; return its revision.

        Raises:
            Conflict: the key is there.
            UnknownOutcome: no answer came; it may have been written.
        """
        ...

    async def update(self, key: str, value: bytes, last: int) -> int:
        """Write a key that stands at revision `last`; return its new revision.

        Raises:
            Conflict, UnknownOutcome: as `create`.
        """
        ...

    async def delete(self, key: str, last: int) -> int:
        """Take out a key that stands at revision `last`; return the revision at which it is out.

        Raises:
            Conflict, UnknownOutcome: as `create`.
        """
        ...

    async def get(self, key: str) -> Found | None:
        """Return what stands at the key, None when nothing does; sees every acknowledged write."""
        ...

    async def entries(self) -> tuple[list[Entry], int]:
        """Return every key in order, and the revision of the store at which they stood."""
        ...

    async def revision(self) -> int:
        """Return the revision of the store: that of its last write."""
        ...


async def write(store: KeyValue, key: str, value: bytes, last: int, tries: int = 3, was: bytes | None = None) -> int:
    """Create (`last` 0) or update a key; when no answer comes, read again, compare and then decide.

    `value` must be unlike any other writer's, or another's write is taken for this one. What stood there, `was`, tells
    a store that has lost its data and counts anew: its revisions look alike.

    Raises:
        Conflict: somebody else wrote the key.
        UnknownOutcome: no answer came, `tries` times over.
    """
    unknown: UnknownOutcome | None = None
    for _ in range(tries):
        try:
            return await (store.update(key, value, last) if last else store.create(key, value))
        except UnknownOutcome as error:
            unknown = error
        except Conflict:
            if unknown is None:
                raise
        try:
            found = await store.get(key)
        except MeshError as error:
            unknown = UnknownOutcome(f"{key}: {error}")
            continue
        if found is not None and found.value == value:
            return found.revision
        if found is not None and (found.revision != last or was not in (None, found.value)):
            raise Conflict(f"{key} was changed by another writer")
    raise unknown or UnknownOutcome()


async def remove(store: KeyValue, key: str, last: int, tries: int = 3, was: bytes | None = None) -> int:
    """Take out a key that stands at `last`; when no answer comes, read again, compare and then decide, as `write`.

    Returns the revision at which it is out; 0 when it is out and nobody knows since which.

    Raises:
        Conflict: somebody else wrote the key.
        UnknownOutcome: no answer came, `tries` times over.
    """
    unknown: UnknownOutcome | None = None
    for _ in range(tries):
        try:
            return await store.delete(key, last)
        except UnknownOutcome as error:
            unknown = error
        except Conflict:
            if unknown is None:
                raise
        try:
            found = await store.get(key)
        except MeshError as error:
            unknown = UnknownOutcome(f"{key}: {error}")
            continue
        if found is None:
            return 0
        if found.revision != last or was not in (None, found.value):
            raise Conflict(f"{key} was changed by another writer")
    raise unknown or UnknownOutcome()
