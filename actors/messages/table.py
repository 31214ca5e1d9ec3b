"""What a replicated table says: numbered changes, snapshots in chunks, and the two phases of a policy revision.

The registry's revisions count within an `epoch`, one life of the store behind the table: see `actors.table.epoch`.
"""

import msgspec

Change = tuple[str, bytes | None]
"""A key and its new value; None takes the key out."""


class Delta(msgspec.Struct, frozen=True, array_like=True, tag="delta"):
    """One step of a table: from `previous` to `revision`."""

    previous: int
    revision: int
    changes: tuple[Change, ...]
    epoch: int = 0


class Prepare(msgspec.Struct, frozen=True, array_like=True, tag="prepare"):
    """First phase of a policy revision: compile it and keep it ready."""

    previous: int
    revision: int
    digest: str
    """SHA-256 (hex) over the table after the change, see `actors.table.replica.digest`."""
    changes: tuple[Change, ...]
    part: int = 0
    parts: int = 1


class Activate(msgspec.Struct, frozen=True, array_like=True, tag="activate"):
    """Second phase: from now on requests that begin here decide by this revision."""

    revision: int


Push = Delta | Prepare | Activate


class Acknowledge(msgspec.Struct, frozen=True, array_like=True):
    """A node tells the policy engine what became of a revision."""

    node: str
    revision: int
    state: str
    """`prepared`, `active` or `refused`."""
    reason: str = ""


class SnapshotRequest(msgspec.Struct, frozen=True, array_like=True):
    """A replica asks for a table, one chunk after the other."""

    revision: int = 0
    """The revision of the snapshot whose next chunk is wanted; 0 starts a new one."""
    part: int = 0
    known: int = 0
    """The revision that the replica has: a table that stands there answers with no parts at all."""
    epoch: int = 0
    """The epoch of `revision`, or of `known`."""


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """One chunk of a table as it stands at `revision`; with another revision than asked for, start again at part 0."""

    revision: int
    part: int
    parts: int
    """How many chunks there are; 0 when the replica's `known` is what the table stands at."""
    entries: tuple[tuple[str, bytes], ...]
    epoch: int = 0
