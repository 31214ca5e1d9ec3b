"""`plait describe`: all that is known of one actor."""

from typing import cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Item, Listing, clean, write
from .tree import COLUMNS, actor_name, actors, fetch


@click.command(
    epilog="""\b
Examples:
  plait describe actor/node-1/proxy
  plait describe actor/node-1/shop/cart -o json
"""
)
@click.argument("what", metavar="KIND/NAME")
@option.output
@option.timeout(5.0)
@option.connection
def command(what: str, output: str, timeout: float, nats: str | None, mesh: str) -> None:
    """Show all that is known of one thing: actor/NODE/PATH."""
    kind, _, address = what.partition("/")
    node, _, path = address.partition("/")
    if kind != "actor" or not node or not path:
        raise CommandError(
            Exit.USAGE, f"{what!r} is nothing to describe: write actor/NODE/PATH, as `plait ls actors` shows"
        )
    (tree,) = fetch(node, timeout, nats, mesh)
    found = [one for one in actors(tree) if one["address"] == address]
    if not found:
        raise CommandError(Exit.NOT_FOUND, f"{node} has no actor {path}; `plait tree {node}` shows those it has")
    if output not in ("table", "wide"):
        write(Listing("ActorList", COLUMNS, found, actor_name, ""), output)
        return
    (one,) = found
    width = max(len(name) for name in one)
    for name, value in one.items():
        if name != "events" and value not in ("", None):
            click.echo(f"{name:<{width}}  {clean(str(value))}")
    for event in cast("list[Item]", one.get("events") or []):
        click.echo(f"{'event':<{width}}  {float(event['ago']):.1f} s ago: {clean(str(event['what']))}")
