"""How much a call matters when not all can be served: three classes, named by a header that travels with the call."""

import enum

HEADER = "x-plait-priority"
"""`critical`, `default` or `sheddable`. It travels as baggage; of clients outside the mesh it is not believed."""


class Priority(enum.IntEnum):
    """The lower classes are refused first."""

    CRITICAL = 0
    DEFAULT = 1
    SHEDDABLE = 2


_NAMES = {one.name.lower(): one for one in Priority}


def priority_of(value: str | None) -> Priority | None:
    """Return the class of that name; None for a word that is none."""
    return None if value is None else _NAMES.get(value)
