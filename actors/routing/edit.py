"""Changes to header fields, compiled: levels of remove, set and add become one list to drop and one to append."""

from collections.abc import Mapping, MutableMapping, Sequence

from ..messages.envelope import Headers
from ..messages.rule import HeaderChange

AUTHORITY = (":authority", "host")
"""The names by which a request's headers change its authority."""


class Edit:
    """What becomes of a message's fields."""

    __slots__ = ("append", "drop")

    def __init__(self, changes: Sequence[HeaderChange]) -> None:
        """Join changes, the outermost level first: a later one sets what an earlier one added."""
        drop = {name for change in changes for name in change.remove}
        append: list[tuple[str, str]] = []
        for change in changes:
            for name, value in change.set:
                drop.add(name)
                append = [field for field in append if field[0] != name]
                append.append((name, value))
            append += change.add
        self.drop = frozenset(drop)
        """Names of which no field stays."""
        self.append = tuple(append)

    def apply(self, fields: Headers) -> None:
        """Change `fields` in place."""
        if self.drop:
            fields[:] = [field for field in fields if field[0] not in self.drop]
        fields += self.append

    def apply_with_baggage(self, fields: Headers, baggage: MutableMapping[str, str], travels: frozenset[str]) -> None:
        """Change `fields` and the context that is seen among them: what `travels`, or is there, is changed there."""
        here = [name for name, _ in self.append if name in travels or name in baggage]
        for name in [name for name in baggage if name in self.drop]:
            del baggage[name]
        self.apply(fields)
        for name in here:
            values = [baggage[name]] if name in baggage else []
            values += [value for key, value in fields if key == name]
            fields[:] = [field for field in fields if field[0] != name]
            if values:
                baggage[name] = ",".join(values)


def compile_edit(changes: Sequence[HeaderChange | None]) -> Edit | None:
    """Return the edit for changes of several levels, the outermost first; None where they change nothing."""
    edit = Edit([one for one in changes if one is not None])
    return edit if edit.drop or edit.append else None


def set_authority(change: HeaderChange | None) -> str:
    """Return the authority that a change of request headers sets, or nothing; what is set beats what is added."""
    for fields in () if change is None else (change.set, change.add):
        named: Mapping[str, str] = dict(fields)
        for name in AUTHORITY:
            if named.get(name):
                return named[name]
    return ""


def without_authority(change: HeaderChange | None) -> HeaderChange | None:
    """Return a change of headers that are fields: those of the authority and other pseudo headers left out."""
    if change is None:
        return None
    return HeaderChange(
        tuple(field for field in change.set if _is_field(field[0])),
        tuple(field for field in change.add if _is_field(field[0])),
        tuple(name for name in change.remove if _is_field(name)),
    )


def _is_field(name: str) -> bool:
    return not name.startswith(":") and name != "host"
