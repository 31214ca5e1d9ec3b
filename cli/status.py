"""`plait status`: which node decides by which policy revision, and whether that is the one in force."""

from typing import Any, cast

import click

from . import option
from .exit import Exit
from .output import Column, Item, Listing, write

COLUMNS = (
    Column("NODE", "node"),
    Column("REVISION", "revision", right=True),
    Column("STATE", "state"),
    Column("REASON", "reason"),
)


@click.command(
    epilog="""\b
Examples:
  plait status
  plait status -o json
  plait status --watch
"""
)
@option.output
@option.watch
@option.timeout(5.0)
@option.connection
def command(output: str, watch: bool, interval: float, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show each node's policy revision: synced, stale, or refused and why. Exit code 3 unless all are synced."""
    from ..mesh.address import find
    from .connection import ask, check

    def read() -> dict[str, Any]:
        return check(ask(find(nats, mesh), "policy.status", {}, limit=timeout))

    if watch:
        from .watch import follow

        follow(lambda: _listing(read()), output, interval)
        return
    answer = read()
    listing = _listing(answer)
    write(listing, output)
    items = listing.items
    if output in ("table", "wide"):
        synced = sum(one["state"] == "synced" for one in items)
        click.echo(f"policy revision {answer.get('revision', 0)}: {synced} of {len(items)} nodes are synced", err=True)
    if any(one["state"] != "synced" for one in items):
        raise SystemExit(Exit.REFUSED)


def _listing(answer: dict[str, Any]) -> Listing:
    items = cast("list[Item]", answer.get("items", []))
    return Listing("NodeStatusList", COLUMNS, items, _name, "no node has acknowledged a policy yet")


def _name(item: dict[str, Any]) -> str:
    return f"node/{item['node']}"
