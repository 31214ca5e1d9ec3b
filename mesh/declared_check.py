"""Health checks as they stand on a command line and in files: `/path`, a URL, `tcp://HOST:PORT`, or a mapping."""

from typing import Any, cast

import msgspec

from ..actors.policy.scalar import Duration, Scalar
from ..actors.policy.source import as_list
from ..actors.service.check import ExecCheck, HttpCheck, Outside, TcpCheck

_KINDS: dict[str, Any] = {"http": HttpCheck, "tcp": TcpCheck, "exec": ExecCheck}
_TCP = "tcp://"


def declared(value: object) -> Outside:
    """Return the check that `value` describes; times are numbers of seconds or texts such as `500ms`.

    Raises:
        ValueError: it describes none.
    """
    if isinstance(value, str):
        return TcpCheck(value.removeprefix(_TCP)) if value.startswith(_TCP) else HttpCheck(value)
    fields = dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1:
        raise ValueError(f"a check has one of {', '.join(_KINDS)}")
    for name in ("interval", "timeout", "delay"):
        if isinstance(fields.get(name), str):
            fields[name] = float(_duration(name, fields[name]))
    try:
        return cast("Outside", msgspec.convert(fields, _KINDS[kinds[0]]))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _duration(name: str, text: str) -> Duration:
    try:
        return Duration.parse(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error.args[0]}") from None


class DeclaredChecks(tuple[Outside, ...], Scalar):
    """A list of checks in a mesh file."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "DeclaredChecks":
        """Return all of them.

        Raises:
            ValueError: it is no list, or one of them is no check.
        """
        parts = as_list(value)
        if parts is None:
            raise ValueError("health is a list of checks", "such as [/health, {tcp: '127.0.0.1:5432', interval: 10s}]")
        found: list[Outside] = []
        for number, one in enumerate(parts, 1):
            try:
                found.append(declared(one))
            except ValueError as error:
                raise ValueError(f"check {number}: {error}", "docs/health.md has all kinds") from None
        return cls(found)
