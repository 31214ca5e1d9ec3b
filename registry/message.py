"""What waits in the registry's mailbox: every change of the table."""

import msgspec

from ..actors.messages.instance import Connection, Instance, Leave
from .catalog import Process


class Joining(msgspec.Struct):
    """An instance wants in, or (`renew`) says something new about itself."""

    instance: Instance
    renew: bool
    reply: bytes


class Leaving(msgspec.Struct):
    """An instance wants out."""

    leave: Leave
    reply: bytes


class Gone(msgspec.Struct):
    """Instances to take out: those called over a lost connection, or those of a silent process."""

    keys: list[str]
    lost: Connection | None
    silent: Process | None = None


class Doubted(msgspec.Struct):
    """Instances of a process that is silent and may live, or (`doubt` False) is heard again."""

    keys: list[str]
    process: Process
    doubt: bool


class Cut(msgspec.Struct):
    """Instances whose node has lost its control connection: it can be called, and learns nothing new."""

    keys: list[str]
    control: Connection


class Audit(msgspec.Struct):
    """Compare with the store; `reload` reads all of it in any case; a replica is said to stand at revision `known`."""

    reload: bool
    known: int = 0
