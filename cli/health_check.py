"""Reads health checks from the command line: a path, a URL, `tcp://HOST:PORT`, a YAML mapping, or a file of those."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from ..actors.service.check import Outside

KINDS: tuple[str, ...] = ("http", "tcp", "exec")
LARGEST = 1 << 20
"""Bytes of a file of checks."""


def health_checks(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> "tuple[Outside, ...]":
    """Read the values of `--check`."""
    try:
        return tuple(check for text in value for check in _read(text))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _read(text: str) -> "list[Outside]":
    from ..actors.service.check import HttpCheck, TcpCheck

    if text.startswith("@"):
        return _file(Path(text[1:]))
    if text.startswith("{"):
        return [_check(_yaml(text, "the mapping"), text)]
    return [TcpCheck(text[6:]) if text.startswith("tcp://") else HttpCheck(text)]


def _file(path: Path) -> "list[Outside]":
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    if len(data) > LARGEST:
        raise ValueError(f"{path} is larger than {LARGEST} bytes")
    found = _yaml(data, str(path))
    if isinstance(found, dict) and list(cast("dict[str, object]", found)) == ["checks"]:
        found = cast("dict[str, object]", found)["checks"]
    if not isinstance(found, list):
        raise ValueError(f"{path} is no list of checks, as `- {{tcp: 127.0.0.1:5432, interval: 10}}`")
    return [_check(one, f"{path}, check {number}") for number, one in enumerate(cast("list[object]", found), 1)]


def _yaml(text: str | bytes, where: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{where} is no YAML: {' '.join(str(error).split())}") from None


def _check(given: object, where: str) -> "Outside":
    import msgspec

    from ..actors.service.check import ExecCheck, HttpCheck, TcpCheck

    fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) != 1:
        raise ValueError(f"{where}: a check has one of {', '.join(KINDS)}")
    kind: Any = dict(zip(KINDS, (HttpCheck, TcpCheck, ExecCheck), strict=True))[kinds[0]]
    try:
        return cast("Outside", msgspec.convert(fields, kind))
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from None
