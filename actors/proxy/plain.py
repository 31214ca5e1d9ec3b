"""Parts of rules as JSON has them, for people who ask a node what it decides by."""

import enum
from typing import Any, cast

import msgspec


def plain(value: Any, *, whole: bool = False) -> Any:
    """Return a part of a rule as JSON has it: fields by name, those that are not set left out unless `whole`."""
    if isinstance(value, msgspec.Struct):
        fields = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(type(value)))
        return {
            field.name: plain(one, whole=whole)
            for field, one in fields
            if whole or one != (field.default_factory() if callable(field.default_factory) else field.default)
        }
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, tuple):
        return [plain(one, whole=whole) for one in cast("Any", value)]
    return value
