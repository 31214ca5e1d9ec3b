"""`plait drain`: has nodes leave the mesh without losing a call."""

from typing import cast

import click

from . import option
from .exit import CommandError, Exit


@click.command(
    epilog="""\b
Examples:
  plait drain shop-1                 shop-1 leaves the registry, ends its calls, then its process ends
  plait drain shop-1 --stay          the process stays, without instances, until it is started again
  plait drain shop-1 shop-2          one after the other, as a rolling restart wants it
"""
)
@click.argument("nodes", metavar="NODE…", nargs=-1, required=True)
@click.option("--stay", is_flag=True, help="Leave the process running.")
@option.timeout(40.0)
@option.connection
def command(nodes: tuple[str, ...], stay: bool, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Have each NODE take no more work, end what it has in hand (30 s at most), and end itself."""
    from ..mesh.address import find
    from .connection import Visit, check, visit
    from .ls import instances

    async def errand(there: Visit) -> None:
        known = {
            str(one.get("node", "")) for one in instances(check(await there.ask("registry.resolve", {"service": ""})))
        }
        for node in nodes:
            if node not in known:
                raise CommandError(
                    Exit.NOT_FOUND, f"the mesh has no node {node!r}", hint="`plait ls nodes` shows those it has"
                )
        for node in nodes:
            answer = check(await there.ask(f"drain.{node}", {"stay": stay}))
            left = cast("list[str]", answer.get("instances", []))
            what = f"{len(left)} instance{'s' if len(left) != 1 else ''}"
            after = "its process ends" if answer.get("ends") else "its process stays"
            click.echo(f"{node} is drained: {what} in {answer.get('seconds', 0):g} s; {after}")

    visit(find(nats, mesh), errand, limit=timeout)
