"""The registry's decisions on the store: who joins, who leaves, who is taken out. Each is one compare-and-set.

The truth is read from the store right before it is changed, so that any number of registries can decide at once; what
was decided is told to `decided`.
"""

from collections.abc import Callable, Container

import msgspec

from ..actors.messages.codec import encode
from ..actors.messages.error import Conflict, InvalidName, MeshError, Refused, Undecodable
from ..actors.messages.health import ROUTABLE, SUSPECTED, trusted
from ..actors.messages.instance import Connection, Instance, Joined, Leave
from ..actors.table.store import KeyValue, remove, write
from .catalog import Catalog, Process, instances, key_of, validate

_TRIES = 8  # lost races for one key before an asker is told to come again

Decided = Callable[[int, str, bytes | None], None]
"""Takes the revision, the key and its new value; revision 0 where a key went out and nobody knows at which."""


class Desk:
    """Handles one request at a time or many: the store keeps the order."""

    def __init__(
        self,
        store: KeyValue,
        catalog: Catalog,
        decided: Decided,
        lives: Callable[[Process], bool] = lambda process: False,
    ) -> None:
        """`lives` says whether a process is heard just now."""
        self._lives = lives
        self._store = store
        self._catalog = catalog
        self._decided = decided

    async def join(self, instance: Instance, renew: bool, lost: Container[Connection]) -> Joined:
        """Let an instance in, or take its new words in (`renew`); `lost` knows connections that are gone already."""
        try:
            validate(instance)
            return await self._join(instance, renew, lost)
        except InvalidName as error:
            return Joined(error=str(error), code="invalid_argument")
        except Refused as error:
            return Joined(error=str(error), code="failed_precondition")
        except MeshError as error:
            return Joined(error=str(error), code="unavailable")

    async def _join(self, instance: Instance, renew: bool, lost: Container[Connection]) -> Joined:
        key, value = key_of(instance.service, instance.id), encode(instance)
        for _ in range(_TRIES):
            found = await self._store.get(key)
            known = _decoded(found.value) if found is not None else None
            if instance.data in lost:
                raise Refused(f"the connection of {key} is gone")
            if known is not None and known.node != instance.node and self._lives((known.node, known.data)):
                raise Refused(f"{key} is in already, on the node {known.node}, and that lives: ids are given once")
            if over := self._catalog.buried(key, instance.incarnation):
                text = f"{key} is out with incarnation {over}: join with a later one"
                return Joined(error=text, code="failed_precondition", incarnation=over)
            if known is not None and known.incarnation > instance.incarnation:
                text = f"{key} is in with a later incarnation, {known.incarnation}"
                return Joined(error=text, code="failed_precondition", incarnation=known.incarnation, taken=True)
            if renew and (known is None or known.incarnation != instance.incarnation):
                raise Refused(f"{key} is not in with incarnation {instance.incarnation}: join with a later one")
            if found is not None and (found.value == value or (renew and _later(known, instance))):
                return Joined(found.revision)
            if known is not None and known.incarnation == instance.incarnation and not renew:
                if known.data != instance.data:  # two processes of one name; the one that is in stays
                    text = f"{key} is in with this incarnation, as another process"
                    return Joined(error=text, code="failed_precondition", incarnation=known.incarnation, taken=True)
                return Joined(found.revision if found else 0)  # a join that came twice; what it renewed since stands
            try:
                last, was = (found.revision, found.value) if found is not None else (0, None)
                revision = await write(self._store, key, value, last, was=was)
            except Conflict:
                continue
            self._decided(revision, key, value)
            return Joined(revision)
        raise Conflict(f"too many writers of {key}")

    async def leave(self, leave: Leave) -> Joined:
        """Take an instance out as it asks, unless a later life of it has joined."""
        key = key_of(leave.service, leave.id)
        try:
            revision = await self.take_out(key, lambda known: known.incarnation <= leave.incarnation)
        except MeshError as error:
            return Joined(error=str(error), code="unavailable")
        self._catalog.bury(key, leave.incarnation)
        return Joined(revision or self._catalog.revision)

    async def take_out(self, key: str, still: Callable[[Instance], bool]) -> int:
        """Take an instance out if, as the store has it, it is `still` meant; return the revision, 0 when it was not.

        Raises:
            MeshError: the store did not answer, or others were faster again and again.
        """
        for _ in range(_TRIES):
            found = await self._store.get(key)
            known = _decoded(found.value) if found is not None else None
            if found is None or known is None or not still(known):
                return 0
            try:
                revision = await remove(self._store, key, found.revision, was=found.value)
            except Conflict:
                continue
            self._catalog.bury(key, known.incarnation)
            self._decided(revision, key, None)
            return revision
        raise Conflict(f"too many writers of {key}")

    async def doubt(self, key: str, process: Process, doubt: bool) -> bool:
        """Have an instance stand as suspected, or as before again; return whether that changed anything.

        One that leaves, or that another process has taken over, stays as it is.

        Raises:
            MeshError: the store did not answer, or others were faster again and again.
        """
        before = ROUTABLE if doubt else (SUSPECTED,)

        def judged(known: Instance) -> Instance | None:
            if (known.node, known.data) != process or known.health not in before:
                return None
            return msgspec.structs.replace(known, health=SUSPECTED if doubt else trusted(known.reason))

        return await self._rewrite(key, judged)

    async def cut(self, key: str, control: Connection) -> bool:
        """Have an instance stand without the control connection that its node has lost; return whether it stood with.

        Raises:
            MeshError: as `doubt`.
        """
        return await self._rewrite(
            key,
            lambda known: msgspec.structs.replace(known, control=Connection()) if known.control == control else None,
        )

    async def _rewrite(self, key: str, change: Callable[[Instance], Instance | None]) -> bool:
        """Have other words stand about an instance; `change` returns None where they are not about this one."""
        for _ in range(_TRIES):
            found = await self._store.get(key)
            known = _decoded(found.value) if found is not None else None
            changed = change(known) if known is not None else None
            if found is None or changed is None:
                return False
            value = encode(changed)
            try:
                revision = await write(self._store, key, value, found.revision, was=found.value)
            except Conflict:
                continue
            self._decided(revision, key, value)
            return True
        raise Conflict(f"too many writers of {key}")


def _later(known: Instance | None, instance: Instance) -> bool:
    """Return whether an instance has said more than this since: two registries may handle its words out of order."""
    return known is not None and known.renewal > instance.renewal


def _decoded(value: bytes) -> Instance | None:
    try:
        return instances.decode(value)
    except Undecodable:
        return None
