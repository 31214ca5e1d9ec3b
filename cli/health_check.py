"""Reads health checks from the command line: one by one, or a file of them."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from ..actors.service.check import Outside

LARGEST = 1 << 20
"""Bytes of a file of checks."""


def health_checks(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> "tuple[Outside, ...]":
    """Read the values of `--check`."""
    try:
        return tuple(check for text in value for check in _read(text))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _read(text: str) -> "list[Outside]":
    from ..mesh.declared_check import declared

    if text.startswith("@"):
        return _file(Path(text[1:]))
    return [declared(_yaml(text, "the mapping") if text.startswith("{") else text)]


def _file(path: Path) -> "list[Outside]":
    from ..mesh.declared_check import declared

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    if len(data) > LARGEST:
        raise ValueError(f"{path} is larger than {LARGEST} bytes")
    listed = _yaml(data, str(path))
    if not isinstance(listed, list):
        raise ValueError(f"{path} is no list of checks, as `- {{tcp: 127.0.0.1:5432, interval: 10}}`")
    found: list[Outside] = []
    for number, one in enumerate(cast("list[object]", listed), 1):
        try:
            found.append(declared(one))
        except ValueError as error:
            raise ValueError(f"{path}, check {number}: {error}") from None
    return found


def _yaml(text: str | bytes, where: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{where} is no YAML: {' '.join(str(error).split())}") from None
