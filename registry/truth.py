"""The store behind the registry's table: it is read, held against what is known of it, and its changes are told."""

import asyncio
import logging
from collections.abc import Callable

from ..actors.bus.bus import Bus
from ..actors.messages.codec import encode
from ..actors.messages.error import MeshError
from ..actors.messages.subject import Subjects
from ..actors.messages.table import Delta
from ..actors.table.epoch import KEY, Epoch
from ..actors.table.replica import Table
from ..actors.table.store import KeyValue
from .catalog import Catalog

log = logging.getLogger("plait.registry")


HEARSAY = 10.0
"""Seconds between two times that a replica's word alone may begin an epoch."""


class Truth:
    """One registry's way to the store; what it reads goes into the registry's catalog."""

    def __init__(
        self, bus: Bus, subjects: Subjects, store: KeyValue, catalog: Catalog, reread: Callable[[], object]
    ) -> None:
        """`reread` is called where `audit` is to read all of the store soon."""
        self.strays = 0
        """Changes that were told and that the store does not have."""
        self._bus = bus
        self._subjects = subjects
        self._store = store
        self._catalog = catalog
        self._reread = reread
        self._owed = False
        self._reading = asyncio.Lock()  # one at a time: what is read belongs to the epoch that was looked up for it

    async def start(self, epoch: Epoch, clock: Callable[[], float]) -> None:
        """Read all of it for the first time.

        Raises:
            MeshError: the store does not answer.
        """
        self._epoch, self._clock, self._heard = epoch, clock, clock() - HEARSAY
        await self.reload()

    def decided(self, revision: int, key: str, value: bytes | None) -> None:
        """Tell the mesh of a change that the store has taken; revision 0 where nobody knows at which."""
        if revision <= self._catalog.revision:  # it was read before its answer came, or the store has begun anew
            self._reread()
        if revision:
            self._push(Delta(revision - 1, revision, ((key, value),), self._catalog.epoch), key.partition(".")[0])

    def _push(self, delta: Delta, part: str) -> None:
        self._catalog.offer(delta)
        try:
            self._bus.publish(self._subjects.push("reg", part), encode(delta))
        except MeshError as error:
            log.warning("change %d was not told, replicas will miss it and ask: %s", delta.revision, error)

    async def audit(self, reload: bool, known: int = 0) -> None:
        """Look whether the store has moved on without a word, or gone back.

        Args:
            reload: read all of it in any case.
            known: a revision that a replica stands at. Where the store is not that far, it has gone back while no
                registry was there to see it; or the replica was told what is not so, and only a new epoch heals it.
        """
        catalog, before = self._catalog, self._catalog.revision
        reload = self._owed = self._owed or reload
        try:
            now = 0 if reload else await self._store.revision()
            hearsay = now < known and self._clock() - self._heard >= HEARSAY
            if hearsay:
                self._heard = self._clock()
            if reload or hearsay or now > catalog.revision or now < before:
                await self.reload(known if hearsay else 0)
                self._owed = False
        except MeshError as error:
            log.warning("the store could not be read: %s", error)

    async def reload(self, known: int = 0) -> None:
        """Read all of it, in the epoch that it is in; a new one begins where it has not come to revision `known`.

        Raises:
            MeshError: the store does not answer.
        """
        async with self._reading:
            catalog = self._catalog
            early, before = catalog.early(), catalog.epoch
            await self._epoch.look(max(known, catalog.revision))
            entries, revision = await self._store.entries()
            table = {entry.key: entry.value for entry in entries if entry.key != KEY}
            catalog.install(Table(revision, table, self._epoch.number))
            if before != catalog.epoch:
                if before:
                    log.warning("the store has lost what it had, or gone back: epoch %d begins", catalog.epoch)
                self._push(Delta(revision, revision, (), catalog.epoch), "epoch")
            # What was told before the store was read, and is not in it, was told by no owner.
            if strays := catalog.drop(early):
                if not self.strays:
                    log.warning("changes were told that the store does not have: dropped")
                self.strays += strays
