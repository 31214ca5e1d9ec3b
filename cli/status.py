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
"""
)
@option.output
@option.timeout(5.0)
@option.connection
def command(output: str, timeout: float, nats: str | None, mesh: str) -> None:
    """Show each node's policy revision: synced, stale, or refused and why. Exit code 3 unless all are synced."""
    from ..mesh.address import find
    from .connection import ask, check

    answer = check(ask(find(nats, mesh), "policy.status", {}, limit=timeout))
    items = cast("list[Item]", answer.get("items", []))
    write(Listing("NodeStatusList", COLUMNS, items, _name, "no node has acknowledged a policy yet"), output)
    if output in ("table", "wide"):
        synced = sum(one["state"] == "synced" for one in items)
        click.echo(f"policy revision {answer.get('revision', 0)}: {synced} of {len(items)} nodes are synced", err=True)
    if any(one["state"] != "synced" for one in items):
        raise SystemExit(Exit.REFUSED)


def _name(item: dict[str, Any]) -> str:
    return f"node/{item['node']}"
