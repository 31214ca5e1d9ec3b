"""Which types of values cannot change, so that handing one over is as good as a copy."""

import datetime
import decimal
import enum
import types
import typing
import uuid
from typing import Any, get_args, get_origin

import msgspec

ATOMS = frozenset({type(None), bool, int, float, str, bytes})
"""Types of values that cannot change and that every codec knows."""

fixed: set[type] = set(ATOMS)
"""Types that were found not to change, so that one look decides."""

_TIMES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
_judged: dict[Any, bool] = dict.fromkeys((*ATOMS, *_TIMES, uuid.UUID, decimal.Decimal), True)
# It grows by as many as the program has types of messages.


def declare(kind: type) -> None:
    """Say of a class that its values do not change."""
    _judged[kind] = True
    fixed.add(kind)


def is_fixed(kind: Any) -> bool:
    """Return whether no value of this type can change: atoms, and frozen structs and tuples of such."""
    found = _judged.get(kind)
    if found is None:
        _judged[kind] = False  # a type that holds itself is judged by what else it holds
        found = _judged[kind] = _judge(kind)
        if found and isinstance(kind, type):
            fixed.add(kind)
    return found


def _judge(kind: Any) -> bool:
    origin = get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return all(is_fixed(one) for one in get_args(kind))
    if origin is tuple:
        return all(one is Ellipsis or is_fixed(one) for one in get_args(kind))
    if origin is typing.Literal:
        return True
    if not isinstance(kind, type):
        return False
    if issubclass(kind, enum.Enum):
        return True
    if issubclass(kind, msgspec.Struct) and kind.__struct_config__.frozen:
        return all(is_fixed(one.type) for one in msgspec.structs.fields(kind))
    return False
