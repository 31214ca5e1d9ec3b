"""The options that verbs share, each with its environment variable."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .address import forward, ip, listen
from .app import MACHINE
from .bus import nats as nats  # noqa: PLC0414  -- handed on to the verbs

if TYPE_CHECKING:
    from ..mesh.address import Where as Where  # noqa: PLC0414

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("table", "wide", "json", "jsonl", "yaml", "name")


def telemetry(command: Command) -> Command:
    """Add `--otlp` and `--sampling`: where traces go and how many are made."""
    command = click.option(
        "--sampling",
        type=click.FloatRange(0, 1),
        envvar="PLAIT_SAMPLING",
        show_envvar=True,
        default=1.0,
        show_default=True,
        help="Share of the requests that are traced.",
    )(command)
    return click.option(
        "--otlp", metavar="URL", envvar="PLAIT_OTLP", show_envvar=True, default="", help="An OTLP collector."
    )(command)


def dns(command: Command) -> Command:
    """Add `--dns`, `--dns-forward` and `--dns-ttl`: where names are answered, and how."""
    command = click.option(
        "--dns-ttl",
        metavar="SECONDS",
        type=click.IntRange(0, 2**31 - 1),
        envvar="PLAIT_DNS_TTL",
        show_envvar=True,
        default=0,
        show_default=True,
        help="How long an answer may be kept.",
    )(command)
    command = click.option(
        "--dns-forward",
        metavar="ADDR",
        callback=forward,
        envvar="PLAIT_DNS_FORWARD",
        show_envvar=True,
        help="A DNS server to ask for names outside the mesh; without it they are refused.",
    )(command)
    return click.option(
        "--dns",
        metavar="ADDR",
        callback=listen(),
        envvar="PLAIT_DNS",
        show_envvar=True,
        help="Answers names by DNS.",
    )(command)


def trusted_hops(command: Command) -> Command:
    """Add `--trusted-hops`: how many proxies in front of the gateway are believed."""
    return click.option(
        "--trusted-hops",
        metavar="N",
        type=click.IntRange(0, 100),
        envvar="PLAIT_TRUSTED_HOPS",
        show_envvar=True,
        default=0,
        show_default=True,
        help="Proxies in front of the gateway whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )(command)


def advertise(command: Command) -> Command:
    """Add `--advertise`: the address that this machine's instances have in the registry."""
    return click.option(
        "--advertise",
        metavar="IP",
        callback=ip,
        envvar="PLAIT_ADVERTISE",
        show_envvar=True,
        default="",
        help="Where other machines reach this one, as DNS tells it; without it, the address that talks to the bus.",
    )(command)


def mesh(command: Command) -> Command:
    """Add `--mesh`: which mesh on that bus."""
    return click.option(
        "--mesh",
        metavar="NAME",
        envvar="PLAIT_MESH",
        show_envvar=True,
        default="default",
        show_default=True,
        callback=_label,
        help="The mesh.",
    )(command)


def locality(command: Command) -> Command:
    """Add `--locality`: where a node is."""
    return click.option(
        "--locality",
        metavar="R/Z/S",
        callback=_locality,
        envvar="PLAIT_LOCALITY",
        show_envvar=True,
        default="",
        help="Region, zone and subzone, as policy about localities names them.",
    )(command)


def _locality(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value and (len(value.split("/")) > 3 or not all(value.split("/"))):
        raise click.BadParameter(f"{value!r} is not REGION, REGION/ZONE or REGION/ZONE/SUBZONE")
    return value


def connection(command: Command) -> Command:
    """Add what every verb that asks the mesh needs: `--nats` with a login, and `--mesh`."""
    return nats(mesh(command))


def output(command: Command) -> Command:
    """Add `-o`: how to write what was read."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        envvar="PLAIT_OUTPUT",
        show_envvar=True,
        default="table",
        show_default=True,
        callback=_note_format,
        help="Format of the output.",
    )(command)


def watch(command: Command) -> Command:
    """Add `--watch` and `--interval`: whether to go on, and how often to look."""
    command = click.option(
        "--interval",
        metavar="SECONDS",
        type=click.FloatRange(0.05, 3600),
        default=1.0,
        show_default=True,
        help="Time between two looks of --watch.",
    )(command)
    return click.option("-w", "--watch", is_flag=True, help="Go on until Ctrl-C; with -o jsonl a line per change.")(
        command
    )


def changes(command: Command) -> Command:
    """Add `--wait` and `--dry-run`: how a change of policy is carried out."""
    command = click.option("--dry-run", is_flag=True, help="Check it against what is in force, change nothing.")(
        command
    )
    return click.option(
        "--wait/--no-wait",
        default=True,
        show_default=True,
        help="Return when every node decides by the new revision.",
    )(command)


def timeout(seconds: float) -> Callable[[Command], Command]:
    """Add `--timeout`, in seconds."""

    def add(command: Command) -> Command:
        return click.option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(min=0, min_open=True),
            envvar="PLAIT_TIMEOUT",
            show_envvar=True,
            default=seconds,
            show_default=True,
            help="Longest wait for an answer.",
        )(command)

    return add


def _note_format(ctx: click.Context, param: click.Parameter, value: str) -> str:
    ctx.meta[MACHINE] = value not in ("table", "wide")
    return value


def _label(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from ..actors.messages.error import InvalidName
    from ..actors.messages.name import label

    try:
        return label(value, "mesh")
    except InvalidName as error:
        raise click.BadParameter(str(error)) from None
