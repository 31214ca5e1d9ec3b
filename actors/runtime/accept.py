"""Which messages an actor takes: read once per class from the annotation of its `receive`."""

import types
import typing
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from .actor import Actor


class Accepts(NamedTuple):
    """The messages of one class of actors."""

    types: frozenset[type] | None
    """Their types; None where the annotation does not say (`Any`, or none at all)."""
    union: Any
    """The annotation, for a decoder."""


_UNSAID = Accepts(None, Any)
_known: dict[type, Accepts] = {}  # as many as the program has classes of actors


def receives(kind: "type[Actor]") -> Accepts:
    """Return what `kind` takes.

    Raises:
        TypeError: the annotation names something that does not exist.
    """
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = _read(kind)
    return found


def _read(kind: "type[Actor]") -> Accepts:
    receive = kind.receive
    annotations = getattr(receive, "__annotations__", {})
    named = [name for name in annotations if name != "return"]
    if not named or annotations[named[0]] in (Any, "Any", object, "object"):
        return _UNSAID
    try:
        annotation = get_type_hints(receive)[named[0]]
    except NameError as error:
        raise TypeError(f"{kind.__name__}.receive: the annotation of its message cannot be read: {error}") from None
    if annotation in (Any, object):
        return _UNSAID
    many = get_args(annotation) if get_origin(annotation) in (types.UnionType, typing.Union) else (annotation,)
    plain = [one if isinstance(one, type) else get_origin(one) for one in many]
    return Accepts(frozenset(one for one in plain if isinstance(one, type)), annotation)
