"""How a list is written: tables for people, the same items as JSON, JSON lines, YAML or names for programs."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import click

Item = dict[str, Any]
"""One thing of a list, as it is written for machines."""

NOTHING = "-"
"""What a table shows where there is no value."""


class Column(NamedTuple):
    """One column of a table."""

    head: str
    value: str | Callable[[Item], object]
    """A key of the item, or what makes the cell of it."""
    right: bool = False
    """Numbers stand on the right."""
    wide: bool = False
    """Shown with `-o wide` alone."""


class Listing(NamedTuple):
    """What a command has read."""

    kind: str
    """Name of the list for machines, such as `InstanceList`."""
    columns: Sequence[Column]
    items: Sequence[Item]
    name: Callable[[Item], str]
    """`kind/name` of an item, for `-o name`."""
    empty: str = ""
    """Said on stderr in the place of a table without rows."""
    documents: Sequence[Item] | None = None
    """What `-o yaml` writes in the place of the list: documents divided by `---`, ready for `plait apply -f -`."""


def write(listing: Listing, output: str) -> None:
    """Write `listing` to stdout in the format that `-o` names."""
    match output:
        case "json":
            whole = {"apiVersion": "plait.dev/v1", "kind": listing.kind, "items": list(listing.items)}
            click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        case "jsonl":
            for item in listing.items:
                click.echo(json.dumps(item, ensure_ascii=False))
        case "yaml":
            _write_yaml(listing)
        case "name":
            for item in listing.items:
                click.echo(listing.name(item))
        case _:
            _write_table(listing, wide=output == "wide")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Return the lines of a table: columns two spaces apart, no boxes, nothing behind the last cell."""
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    return [
        "  ".join(
            cell.rjust(width) if aligned else cell.ljust(width)
            for cell, width, aligned in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]


def age(seconds: float) -> str:
    """Return a duration as people say it: `7s`, `12m`, `3h`, `9d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def clean(text: str) -> str:
    """Return `text` without control characters: what a service calls itself must not steer a terminal."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in text)


def table_lines(listing: Listing, *, wide: bool) -> list[str]:
    """Return the lines of a list's table; none where it has no items."""
    if not listing.items:
        return []
    columns = [column for column in listing.columns if wide or not column.wide]
    rows = [[_cell(column, item) for column in columns] for item in listing.items]
    return table([column.head for column in columns], rows, [column.right for column in columns])


def _write_table(listing: Listing, *, wide: bool) -> None:
    lines = table_lines(listing, wide=wide)
    if not lines:
        if listing.empty:
            click.echo(listing.empty, err=True)
        return
    if sys.stdout.isatty() and not wide:
        room = shutil.get_terminal_size().columns
        lines = [line if len(line) <= room else line[: room - 1] + "…" for line in lines]
    click.echo("\n".join(lines))


def _cell(column: Column, item: Item) -> str:
    value: Any = item.get(column.value) if isinstance(column.value, str) else column.value(item)
    if value is None or value == "" or value == [] or value == {}:
        return NOTHING
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value)
        return clean(",".join(f"{key}={one}" for key, one in sorted(pairs.items())))
    if isinstance(value, list | tuple):
        return clean(",".join(str(one) for one in cast("Sequence[object]", value)))
    return clean(str(value))


def _write_yaml(listing: Listing) -> None:
    import yaml

    if listing.documents is None:
        whole = {"apiVersion": "plait.dev/v1", "kind": listing.kind, "items": list(listing.items)}
        click.echo(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), nl=False)
    elif listing.documents:
        click.echo(yaml.safe_dump_all(listing.documents, sort_keys=False, allow_unicode=True), nl=False)
