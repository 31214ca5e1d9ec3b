"""`plait version`: which version this is."""

import platform
from importlib import metadata

import click

from . import option


def text() -> str:
    """Return the program's name and version."""
    return f"plait {metadata.version('plait')}"


@click.command()
@option.output
def command(output: str) -> None:
    """Say which version of plait this is."""
    if output in ("table", "name"):
        click.echo(text())
        return
    from .output import Column, Item, Listing, write

    def name(one: Item) -> str:
        return f"plait/{one['plait']}"

    item: Item = {
        "plait": metadata.version("plait"),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    columns = tuple(Column(key.upper(), key) for key in item)
    write(Listing("VersionList", columns, [item], name), output)
