"""`plait status`: which node decides by which policy revision, and whether that is the one in force."""

import time
from datetime import datetime
from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, age, write


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
    """Show by which policy revision each node decides, since when, and whether that is the one in force.

    synced: it is; behind: it is an earlier one; refused: the node cannot decide by it and says why; stale: nothing was
    heard of the node. Exit code 3 unless all are synced.
    """
    from ..mesh.address import find
    from .connection import ask, check

    def read() -> dict[str, Any]:
        return check(ask(find(nats, mesh), "policy.status", {}, limit=timeout))

    def warn_of_faults() -> None:
        from .fault import lasting

        try:
            found = lasting(timeout=timeout, nats=nats, mesh=mesh)
        except CommandError as error:  # what was asked for stands already
            click.echo(f"warning: whether faults are put in on purpose is not known: {error.what}", err=True)
            return
        if found:
            names = ", ".join(found)
            click.echo(f"warning: faults put in on purpose: {names}; `plait fault ls` tells of them", err=True)

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
        if answer.get("problem"):
            click.echo(f"warning: {answer['problem']}", err=True)
        warn_of_faults()
    if answer.get("problem") or any(one["state"] != "synced" for one in items):
        raise SystemExit(Exit.REFUSED)


def _listing(answer: dict[str, Any]) -> Listing:
    items = cast("list[Item]", answer.get("items", []))
    return Listing("NodeStatusList", COLUMNS, items, _name, "no node has acknowledged a policy yet")


def _since(item: Item) -> str:
    try:
        return age(time.time() - datetime.fromisoformat(str(item.get("since"))).timestamp())
    except ValueError:
        return ""


def _name(item: dict[str, Any]) -> str:
    return f"node/{item['node']}"


COLUMNS = (
    Column("NODE", "node"),
    Column("REVISION", "revision", right=True),
    Column("STATE", "state"),
    Column("SINCE", _since, right=True),
    Column("REASON", "reason"),
)
