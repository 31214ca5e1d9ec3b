"""The one checker of shapes: a plain value and a struct type go in, the struct comes out and every mistake is reported.

`msgspec.convert` stops at the first mistake; this walks all of the value by the struct's own types. A part that is
wrong is left at its default, so that the rest can be checked further.
"""

import enum
import math
from typing import Any, TypeVar, cast

from msgspec import inspect

from .hint import Place, bare, did_you_mean, fields, home, reason
from .problem import Path, ProblemCode, Report
from .scalar import Never, NotYet, Scalar
from .source import as_list, as_mapping
from .spec import Spec

S = TypeVar("S", bound=Spec)


class _Wrong:
    """Stands for a value that was refused."""


WRONG = _Wrong()


def conform(value: object, kind: type[S], path: Path, report: Report) -> S:
    """Return `value` as a `kind`; what does not conform is told to `report`. Null means that a field is not set."""
    checked = _Checker(report).struct(value, kind, path, ())
    return checked if isinstance(checked, kind) else kind()


class _Checker:
    def __init__(self, report: Report) -> None:
        self._report = report

    def _wrong(self, path: Path, message: str, hint: str = "") -> _Wrong:
        self._report.refuse(ProblemCode.INVALID_VALUE, path, message, hint)
        return WRONG

    def _mistyped(self, value: object, wanted: str, path: Path, hint: str = "") -> _Wrong:
        self._report.refuse(ProblemCode.INVALID_TYPE, path, f"expected {wanted}, found {_called(value)}", hint)
        return WRONG

    def struct(self, value: object, kind: type[Spec], path: Path, around: tuple[Place, ...]) -> object:
        """Return the struct with every field that conforms."""
        parts = as_mapping(value)
        if parts is None:
            return self._mistyped(value, "a mapping", path)
        known = fields(kind)
        given: dict[str, object] = {}
        structs = (*around, (kind, path))
        for name, part in parts.items():
            field = known.get(name)
            if field is None:
                self._unknown(name, part, path, structs)
            elif part is not None:
                checked = self._value(part, field.type, (*path, name), structs)
                if checked is not WRONG:
                    given[field.name] = checked
        return kind(**given)

    def _unknown(self, name: str, value: object, path: Path, structs: tuple[Place, ...]) -> None:
        where = (*path, name)
        meant = home(name, structs)
        message = f"unknown field {name[:64]!r}"
        if meant is None:
            self._report.refuse(
                ProblemCode.UNKNOWN_FIELD, where, message, "fields: " + ", ".join(_honoured(structs[-1][0]))
            )
            return
        self._report.refuse(ProblemCode.UNKNOWN_FIELD, where, message, meant.hint, instead=meant.path)
        if meant.kind is not None and (as_mapping(value) or as_list(value)):
            self._value(value, meant.kind, where, structs)

    def _value(self, value: object, kind: Any, path: Path, around: tuple[Place, ...]) -> object:
        why = reason(kind)
        kind = bare(kind)
        if isinstance(kind, inspect.CustomType):
            return self._scalar(value, kind.cls, path, why)
        if isinstance(kind, inspect.StructType):
            return self.struct(value, cast("type[Spec]", kind.cls), path, around)
        if isinstance(kind, inspect.ListType):
            return self._list(value, kind.item_type, path, around)
        if isinstance(kind, inspect.DictType):
            return self._dict(value, kind.value_type, path, around)
        if isinstance(kind, inspect.EnumType):
            return self._choice(value, kind.cls, path)
        if isinstance(kind, inspect.BoolType):
            return value if isinstance(value, bool) else self._mistyped(value, "true or false", path)
        if isinstance(kind, inspect.IntType | inspect.FloatType):
            return self._number(value, kind, path)
        if isinstance(kind, inspect.StrType):
            return self._text(value, path)
        assert isinstance(kind, inspect.AnyType), kind
        return value

    def _scalar(self, value: object, kind: type[Any], path: Path, why: str) -> object:
        if issubclass(kind, NotYet | Never):
            state = "is not supported yet" if issubclass(kind, NotYet) else f"cannot be honoured: {why}"
            self._report.refuse(ProblemCode.UNSUPPORTED_FIELD, path, f"field {path[-1]!r} {state}")
            return WRONG
        assert issubclass(kind, Scalar), kind
        try:
            return kind.parse(value)
        except ValueError as error:
            return self._wrong(path, *map(str, error.args[:2]))

    def _list(self, value: object, kind: Any, path: Path, around: tuple[Place, ...]) -> object:
        parts = as_list(value)
        if parts is None:
            return self._mistyped(value, "a list", path, "put '- ' before each item")
        checked: list[object] = []
        item = bare(kind)
        for place, part in enumerate(parts):
            one = self._value(part, kind, (*path, place), around)
            if one is WRONG:  # the others keep their positions
                number = isinstance(item, inspect.IntType | inspect.FloatType)
                one = item.cls() if isinstance(item, inspect.StructType) else 0 if number else ""
            checked.append(one)
        return checked

    def _dict(self, value: object, kind: Any, path: Path, around: tuple[Place, ...]) -> object:
        parts = as_mapping(value)
        if parts is None:
            return self._mistyped(value, "a mapping", path)
        checked = {name: self._value(part, kind, (*path, name), around) for name, part in parts.items()}
        return {name: one for name, one in checked.items() if one is not WRONG}

    def _choice(self, value: object, kind: type[enum.Enum], path: Path) -> object:
        names = [str(one.value) for one in kind]
        if isinstance(value, str):
            if value in names:
                return kind(value)
            hint = did_you_mean(value, names) or "one of " + ", ".join(names)
            return self._wrong(path, f"{value[:64]!r} is none of the known values", hint)
        return self._mistyped(value, "one of " + ", ".join(names), path)

    def _number(self, value: object, kind: Any, path: Path) -> object:
        whole = isinstance(kind, inspect.IntType)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            hint = "write it without quotes" if isinstance(value, str) and value.strip("-").isdigit() else ""
            return self._mistyped(value, "a whole number" if whole else "a number", path, hint)
        if not math.isfinite(value):
            return self._wrong(path, f"{value} is no number that can be used")
        if kind.ge is not None and value < kind.ge:
            return self._wrong(path, f"{value} is less than {kind.ge}", _range(kind))
        if kind.le is not None and value > kind.le:
            return self._wrong(path, f"{value} is more than {kind.le}", _range(kind))
        return value if whole else float(value)

    def _text(self, value: object, path: Path) -> object:
        if isinstance(value, str):
            return value
        simple = isinstance(value, int | float)
        shown = str(value).lower() if isinstance(value, bool) else value
        return self._mistyped(value, "a text", path, f'put it in quotes: "{shown}"' if simple else "")


def _range(kind: Any) -> str:
    return f"from {kind.ge} to {kind.le}" if kind.ge is not None and kind.le is not None else ""


def _called(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"the text {value[:64]!r}" if isinstance(value, str) else f"the number {value}"


def _honoured(kind: type[Spec]) -> list[str]:
    """The fields of a struct that can be used."""
    return [
        name
        for name, field in fields(kind).items()
        if not (isinstance(one := bare(field.type), inspect.CustomType) and issubclass(one.cls, NotYet | Never))
    ]
