"""What registries tell each other about processes that they do not hear: one alone may be deaf."""

import msgspec

from .instance import Connection


class Silent(msgspec.Struct, frozen=True, array_like=True):
    """One process that a registry does not hear."""

    node: str
    data: Connection
    """The process's data connection: another process may have taken the node's name over."""
    dead: bool
    """Whether its silence has lasted so long that it is dead; else it is only suspected."""


class Verdicts(msgspec.Struct, frozen=True, array_like=True):
    """All that one registry does not hear just now; the next one replaces it."""

    silent: tuple[Silent, ...] = ()
