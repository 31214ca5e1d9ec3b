"""Flags that are addresses or `k=v` pairs, read by the mesh's own rules."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from ..mesh.options import Listen


def listen(*, mapped: bool = False) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return the callback of a flag whose value is `HOST:PORT`, `:PORT` or `PORT` (then on loopback).

    It gives a `mesh.options.Listen`, a tuple of them for a flag that may be repeated, None for `off` and for nothing;
    `mapped` also allows `ADDR=PORT`. Anything else is a usage error that says what is wrong.
    """

    def read(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(_listen(str(one), ctx, param, mapped) for one in cast("tuple[object, ...]", value))
        return None if value in (None, "off") else _listen(str(value), ctx, param, mapped)

    return read


def dns(ctx: click.Context, param: click.Parameter, value: str) -> None:
    """Refuse every address of a DNS server: there is none yet, and a flag that does nothing would be a lie."""
    if value != "off":
        raise click.BadParameter("plait does not answer DNS yet: leave it off", ctx, param)


def _listen(text: str, ctx: click.Context, param: click.Parameter, mapped: bool) -> "Listen":
    from ..actors.messages.error import InvalidName
    from ..mesh.options import parse_listen

    try:
        return parse_listen(text, mapped=mapped)
    except InvalidName as error:
        raise click.BadParameter(str(error), ctx, param) from None


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """Return `k=v` texts as a mapping.

    Raises:
        UsageError: one of them has no `=`, or no key.
    """
    found: dict[str, str] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise click.UsageError(f"label {one!r} is not KEY=VALUE")
        found[key] = value
    return found


def check_targets(given: tuple[str, ...], words: tuple[str, ...]) -> None:
    """Do nothing with targets that are one of `words` or `module:Class`.

    Raises:
        UsageError: one of them is neither.
    """
    for one in given:
        module, colon, name = one.partition(":")
        is_class = bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))
        if one not in words and not is_class:
            raise click.UsageError(f"{one!r} is none of {', '.join(words)}, nor a service as module:Class")
