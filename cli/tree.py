"""`plait tree`: a node's supervision tree with states, restarts and what went wrong."""

from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, clean, write


@click.command(
    epilog="""\b
Examples:
  plait tree                    every node
  plait tree node-1
  plait tree node-1 -o json
"""
)
@click.argument("node", required=False, default="")
@option.output
@option.timeout(5.0)
@option.connection
def command(node: str, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show who supervises whom, in NODE or in every node."""
    trees = fetch(node, timeout, nats, mesh)
    if output not in ("table", "wide"):
        flat = [one for tree in trees for one in actors(tree)]
        write(Listing("ActorList", COLUMNS, flat, actor_name, "no actor runs"), output)
        return
    for tree in trees:
        click.echo("\n".join(lines(tree, "", "")))


def fetch(node: str, timeout: float, nats: "option.Where", mesh: str) -> list[Item]:
    """Return the tree of one node, or of all that the registry knows."""
    from ..mesh.address import find
    from .connection import ask, check
    from .ls import instances

    url = find(nats, mesh)
    answer = check(ask(url, "registry.resolve", {"service": ""}, limit=timeout))
    names = sorted({str(one.get("node", "")) for one in instances(answer)})
    if node and node not in names:
        raise CommandError(Exit.NOT_FOUND, f"the mesh has no node {node!r}; `plait ls nodes` shows those it has")
    if node:
        names = [node]
    return [check(ask(url, f"actors.{name}", {}, limit=timeout)) for name in names]


COLUMNS = (
    Column("ACTOR", "address"),
    Column("STATE", "state"),
    Column("RESTARTS", "restarts", right=True),
    Column("MAILBOX", "depth", right=True),
    Column("ACTIVE", "active", right=True),
    Column("REFUSED", "refused", right=True, wide=True),
    Column("DROPPED", "dropped", right=True, wide=True),
    Column("LAST FAILURE", "trouble", wide=True),
)


def actor_name(item: Item) -> str:
    """Return an actor's name for `-o name`."""
    return f"actor/{item['address']}"


def actors(tree: Item) -> list[Item]:
    """Return every actor and supervisor of a node's tree, each with its address."""
    node = str(tree["name"])
    found: list[Item] = []

    def walk(branch: Item) -> None:
        if branch["path"]:
            found.append(
                {"address": f"{node}/{branch['path']}", **{k: v for k, v in branch.items() if k != "children"}}
            )
        for child in cast("list[Item]", branch["children"]):
            walk(child)

    walk(tree)
    return found


def lines(branch: Item, first: str, rest: str) -> list[str]:
    """Return a branch as lines of text; `first` stands before its own line, `rest` before those below."""
    notes: list[str] = [str(branch["state"])]
    if branch["kind"] == "supervisor":
        notes.insert(0, str(branch["strategy"]))
    if branch["restarts"]:
        notes.append(f"{branch['restarts']} restart{'s' if branch['restarts'] != 1 else ''}")
    if branch["depth"]:
        notes.append(f"mailbox {branch['depth']}/{branch['capacity']}")
    if branch["active"]:
        notes.append(f"{branch['active']} active")
    text = [f"{first}{clean(str(branch['name']))}  {', '.join(notes)}"]
    children = cast("list[Item]", branch["children"])
    bar = rest + ("│    " if children else "     ")
    if branch["trouble"]:
        text.append(f"{bar}last failure: {clean(str(branch['trouble']))}")
    text.extend(
        f"{bar}{float(cast('Any', event)['ago']):.1f} s ago: {clean(str(cast('Any', event)['what']))}"
        for event in cast("list[object]", branch["events"])[-5:]
    )
    for number, child in enumerate(children, 1):
        last = number == len(children)
        text += lines(child, rest + ("└── " if last else "├── "), rest + ("    " if last else "│   "))
    return text
