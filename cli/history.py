"""`plait history`: the revisions of policy, the latest first."""

from datetime import datetime
from typing import Any, cast

import click

from . import option
from .output import Column, Item, Listing, write


@click.command(
    epilog="""\b
Examples:
  plait history
  plait history --limit 5 -o wide
"""
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Show so many revisions at most."
)
@option.output
@option.timeout(5.0)
@option.connection
def command(limit: int, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show which revisions of policy there were: when, by what, and what each changed."""
    from ..mesh.address import find
    from .connection import ask, check, items

    answer = check(ask(find(nats, mesh), "policy.history", {"limit": limit}, limit=timeout))
    columns = (
        Column("REVISION", "revision", right=True),
        Column("TIME", _time),
        Column("ACTION", "action"),
        Column("CHANGES", "changes", right=True),
        Column("IN FORCE", _in_force),
        Column("DOCUMENTS", _documents),
        Column("DIGEST", "digest", wide=True),
    )
    found = items(answer)
    write(Listing("RevisionList", columns, found, _name, _EMPTY), output)
    if output in ("table", "wide"):
        oldest = answer.get("from")
        if isinstance(oldest, int) and oldest > 1:
            click.echo(f"older revisions are no longer kept; revision {oldest} is the oldest to go back to", err=True)
        if answer.get("problem"):
            click.echo(f"warning: {answer['problem']}", err=True)


_EMPTY = "no policy has been applied yet"


def _name(item: Item) -> str:
    return f"revision/{item.get('revision')}"


def _in_force(item: Item) -> str:
    return "*" if item.get("active") else ""


def _time(item: Item) -> str:
    try:
        return f"{datetime.fromisoformat(str(item.get('time'))).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return ""


def _documents(item: dict[str, Any]) -> str:
    changed = item.get("changed")
    names = [str(one) for one in cast("list[object]", changed)] if isinstance(changed, list) else []
    more = int(item.get("changes") or 0) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
