"""`plait stat`: success, rate and latency by service, version, route or edge, from the nodes' own metrics."""

import asyncio
import time
from typing import TYPE_CHECKING

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, write
from .rate import GROUPS, Look, between, rows

if TYPE_CHECKING:
    from .connection import Visit


@click.command(
    epilog="""\b
Examples:
  plait stat                            every service, over the next 2 seconds
  plait stat versions reviews -w        the shares of reviews' versions, again and again
  plait stat edges --window 10
  plait stat routes --window 0 -o json  since the nodes began
"""
)
@click.argument("what", type=click.Choice(list(GROUPS)), default="services")
@click.argument("service", default="")
@click.option(
    "--window",
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    default=2.0,
    show_default=True,
    help="Time to count for; 0 is all since the nodes began.",
)
@option.watch
@option.output
@option.timeout(5.0)
@option.connection
def command(
    what: str,
    service: str,
    window: float,
    watch: bool,
    interval: float,
    output: str,
    timeout: float,
    nats: "option.Where",
    mesh: str,
) -> None:
    """Show how the mesh's calls fare, as those see it who make them: success, requests per second, latency.

    With SERVICE only what leads there; for edges, or comes from there.
    """
    from ..mesh.address import find
    from ..tracing.calls import quantile
    from .connection import Visit, visit
    from .watch import follow

    last: list[Look] = []

    async def errand(there: Visit) -> Listing:
        if not last and window:
            last.append(await _look(there))
            await asyncio.sleep(window)
        now = await _look(there)
        found = between(last[0] if last else None, now)
        if last:
            last[0] = now
        if now.silent and not watch:
            click.echo(f"no word of {', '.join(now.silent)}: what they call is not in it", err=True)
        table = rows(found, what, quantile)
        if service:
            table = [row for row in table if service in (row["service"], row.get("source"))]
            if not table:
                await _known(there, service)
        return Listing("StatList", _COLUMNS[what], table, _name, "nothing was called yet")

    def read() -> Listing:
        return visit(find(nats, mesh), errand, limit=timeout)

    if watch:
        follow(read, output, interval)
    else:
        write(read(), output)


async def _look(there: "Visit") -> Look:
    from .ask_nodes import ask_nodes
    from .connection import check
    from .ls import instances

    alive = instances(check(await there.ask("registry.resolve", {"service": ""})))
    said, silent = await ask_nodes(there, {str(one.get("node")) for one in alive}, "metrics", {"what": "calls"})
    return Look(time.monotonic(), said, silent)


async def _known(there: "Visit", service: str) -> None:
    """A service that was never called has nothing to show; one that is not there is a mistake.

    Raises:
        CommandError: the mesh has no such service.
    """
    from .connection import check
    from .ls import instances
    from .portrait import near

    alive = {str(one.get("service")) for one in instances(check(await there.ask("registry.resolve", {"service": ""})))}
    if service not in alive:
        raise CommandError(Exit.NOT_FOUND, f"the mesh has no service {service!r}", hint=near(service, alive))


def _name(item: Item) -> str:
    own = [name for name in ("source", "route", "service", "version") if item.get(name)]
    return "stat/" + "/".join(str(item[name]) for name in own)


def _success(item: Item) -> str | None:
    share: float | None = item.get("success")
    # Cut, not rounded: what has failed at all is not at 100.00 %.
    return None if share is None else f"{int(share * 10_000) / 100:.2f}%"


def _rate(item: Item) -> str:
    return f"{item['rps']:.1f}"


def _milliseconds(share: int) -> Column:
    def cell(item: Item) -> str | None:
        value: float | None = item.get(f"p{share}_ms")
        return None if value is None else f"{value:.1f}ms"

    return Column(f"P{share}", cell, right=True)


_FIGURES = (
    Column("SUCCESS", _success, right=True),
    Column("RPS", _rate, right=True),
    *(_milliseconds(share) for share in (50, 95, 99)),
    Column("REQUESTS", "requests", right=True, wide=True),
    Column("FAILED", "failed", right=True, wide=True),
    Column("CODES", "codes", wide=True),
)
_COLUMNS = {what: (*(Column(name.upper(), name) for name in names), *_FIGURES) for what, names in GROUPS.items()}
