"""Hints: the name that was probably meant, and the place where a misplaced field belongs."""

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, cast

from msgspec import inspect

from .problem import Path, render
from .spec import Spec

DEPTH = 3
"""Levels below a struct that are searched for a misplaced field."""


Place = tuple[type[Spec], Path]
"""A struct and where it stands."""


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the one of `names` that is most like `name` (letter case, `_` and `-` do not count), or nothing."""
    simple = {one.lower().replace("_", "").replace("-", ""): one for one in sorted(names, reverse=True)}
    found = difflib.get_close_matches(name[:64].lower().replace("_", "").replace("-", ""), simple, 1, cutoff)
    return simple[found[0]] if found else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the question, or nothing when no name is near."""
    near = nearest(name, names)
    return f"did you mean {near!r}?" if near else ""


@cache
def fields(struct: type[Spec]) -> dict[str, inspect.Field]:
    """Return the fields of a struct by the names that users write."""
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return {one.encode_name: one for one in kind.fields}


class Home:
    """Where an unknown field belongs: `path` is the place, `kind` its type (None where only the name is near)."""

    __slots__ = ("kind", "path")

    def __init__(self, path: Path, kind: Any) -> None:
        self.path = path
        self.kind = kind

    @property
    def hint(self) -> str:
        """The place in words."""
        return f"did you mean {render(self.path)}?"


def home(name: str, around: tuple[Place, ...]) -> Home | None:
    """Return where field `name` belongs that was found in the last of `around`, the structs from the outermost on.

    A name that is spelled like a field of the same struct comes first; then the same name below; then the same name in
    the structs around; then what is at all near.
    """
    struct, path = around[-1]
    own = fields(struct)
    meant = struct.mistaken.get(name, "") or nearest(name, own, 0.85)
    if meant:
        return Home((*path, meant), own[meant].type)
    for below, kind in _below(struct, name, DEPTH):
        return Home(path + below, kind)
    for outer, place in reversed(around[:-1]):
        if name in fields(outer):
            return Home((*place, name), fields(outer)[name].type)
    meant = nearest(name, own)
    return Home((*path, meant), None) if meant else None


def _below(struct: type[Spec], name: str, depth: int) -> Iterator[tuple[Path, Any]]:
    """Places of fields called `name` below `struct`, the nearest first; lists by their first item."""
    levels: list[tuple[Path, type[Spec]]] = [((), struct)]
    for _ in range(depth):
        following: list[tuple[Path, type[Spec]]] = []
        for path, one in levels:
            for key, field in fields(one).items():
                kind = bare(field.type)
                step: Path = (key,)
                if isinstance(kind, inspect.ListType):
                    kind, step = bare(kind.item_type), (key, 0)
                if isinstance(kind, inspect.StructType):
                    following.append((path + step, cast("type[Spec]", kind.cls)))
        for path, one in following:
            if name in fields(one):
                yield (*path, name), fields(one)[name].type
        levels = following


def reason(kind: Any) -> str:
    """Return why a field cannot be honoured, as its annotation says."""
    schema = getattr(kind, "extra_json_schema", None)
    return str(schema["description"]) if schema else ""


def bare(kind: Any) -> Any:
    """Return a type without its metadata."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind
