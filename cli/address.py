"""Flags that are addresses or `k=v` pairs, read by the mesh's own rules; flags that need others."""

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


def forward(ctx: click.Context, param: click.Parameter, value: str | None) -> "Listen | None":
    """Read the address of a server that is asked: unlike one that listens, it has a port of its own."""
    found = None if value is None else _listen(value, ctx, param, mapped=False)
    if found is not None and not found.port:
        raise click.BadParameter(f"{value!r} names no port to ask: a DNS server's is 53", ctx, param)
    return found


def ip(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Read an IP address that says the same on every machine; empty stays empty."""
    if value:
        from ..actors.messages.error import InvalidName
        from ..mesh.options import parse_ip

        try:
            return parse_ip(value)
        except InvalidName as error:
            raise click.BadParameter(str(error), ctx, param) from None
    return value


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


def check_meant(holds: bool, why: str, *names: str) -> None:
    """Do nothing where these flags mean something here; in the environment they may be meant for other commands.

    Raises:
        UsageError: one of them is on the command line and would do nothing.
    """
    source = click.get_current_context().get_parameter_source
    for name in names:
        if not holds and source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")
