"""The options that say what is logged: what processes tell of themselves, and one line per request of a gateway."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def logs(command: Command) -> Command:
    """Add `--log-level` and `--log-format`, and `--access-log` with its own format."""
    for option in reversed(
        (
            click.option(
                "--log-level",
                type=click.Choice(["debug", "info", "warning", "error"]),
                envvar="PLAIT_LOG_LEVEL",
                show_envvar=True,
                default="warning",
                show_default=True,
                help="The least that is logged on stderr.",
            ),
            click.option(
                "--log-format",
                type=click.Choice(["text", "json"]),
                envvar="PLAIT_LOG_FORMAT",
                show_envvar=True,
                default="text",
                show_default=True,
                help="How: lines for people, or JSON with node, actor, trace and span.",
            ),
            click.option(
                "--access-log",
                metavar="FILE|-",
                callback=_writable,
                envvar="PLAIT_ACCESS_LOG",
                show_envvar=True,
                default="",
                help="A line for each request of the gateway, appended to FILE, or on stdout (-).",
            ),
            click.option(
                "--access-log-format",
                type=click.Choice(["text", "json"]),
                envvar="PLAIT_ACCESS_LOG_FORMAT",
                show_envvar=True,
                default="text",
                show_default=True,
                help="How: as Envoy writes them, or JSON.",
            ),
        )
    ):
        command = option(command)
    return command


def _writable(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from pathlib import Path

    if not value or value == "-":
        return value
    path = Path(value).absolute()
    if path.is_dir():
        raise click.BadParameter(f"{value!r} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r} for it")
    return str(path)
