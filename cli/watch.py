"""`--watch`: a list read again and again; a terminal shows it in place, `-o jsonl` writes a line per change."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from .exit import Exit, understand
from .output import Item, Listing, table_lines, write

VOLATILE = frozenset({"events", "age", "handled", "waited", "longest"})
"""Fields that are no change by themselves: what time and work alone do to an actor."""

Read = Callable[[], Listing]


def follow(read: Read, output: str, interval: float) -> None:
    """Show what `read` gives, and every `interval` seconds what has changed, until Ctrl-C.

    A mesh that was there once may go and come again. Raises UsageError where `output` is for one list alone; what the
    first reading raises; later what is no matter of reaching the mesh.
    """
    if output not in ("table", "wide", "jsonl"):
        raise click.UsageError(f"--watch writes table, wide or jsonl, not {output}")
    show: _Lines | _Screen | _Tables
    show = _Lines() if output == "jsonl" else _Screen(output == "wide") if sys.stdout.isatty() else _Tables(output)
    try:
        first = read()
        with show.opened():
            show.show(first)
            for listing in _again(read, interval, show.lost):
                show.show(listing)
    except KeyboardInterrupt:
        return


def _again(read: Read, interval: float, lost: Callable[[str], None]) -> Iterator[Listing]:
    gone = False
    while True:
        time.sleep(interval)
        try:
            listing = read()
        except Exception as error:
            told = understand(error)
            if told.code not in (Exit.UNREACHABLE, Exit.TIMED_OUT):
                raise
            if not gone:
                lost(f"{told.what}: waiting for it")
            gone = True
        else:
            gone = False
            yield listing


def _compared(listing: Listing) -> dict[str, Item]:
    """The items by their names; those of one name, in several namespaces, are told apart by their order."""
    found: dict[str, Item] = {}
    for item in listing.items:
        name, number = listing.name(item), 1
        while (key := name if number == 1 else f"{name} {number}") in found:
            number += 1
        found[key] = {field: value for field, value in item.items() if field not in VOLATILE}
    return found


class _Lines:
    """One JSON object per change: the item, and in `change` whether it was `added`, `changed` or `removed`."""

    def __init__(self) -> None:
        self._seen: dict[str, Item] = {}

    def opened(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def show(self, listing: Listing) -> None:
        now = _compared(listing)
        for name, item in now.items():
            if name not in self._seen:
                _line("added", item)
            elif self._seen[name] != item:
                _line("changed", item)
        for name, item in self._seen.items():
            if name not in now:
                _line("removed", item)
        self._seen = now

    def lost(self, what: str) -> None:
        click.echo(what, err=True)


def _line(change: str, item: Item) -> None:
    click.echo(json.dumps({"change": change, **item}, ensure_ascii=False))


class _Tables:
    """Where no terminal is: the whole table once more after each change, an empty line before it."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._seen: dict[str, Item] | None = None

    def opened(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def show(self, listing: Listing) -> None:
        now = _compared(listing)
        if now == self._seen:
            return
        if self._seen is not None:
            click.echo()
        self._seen = now
        write(listing, self._output)

    def lost(self, what: str) -> None:
        click.echo(what, err=True)


class _Screen:
    """A terminal: the table stays where it is, painted anew in one write where it differs."""

    def __init__(self, wide: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._wide = wide
        self._live = Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="ellipsis")
        self._lines: list[str] = []
        self._painted: list[str] = []

    def opened(self) -> AbstractContextManager[Any]:
        return self._live

    def show(self, listing: Listing) -> None:
        self._lines = table_lines(listing, wide=self._wide) or [listing.empty]
        self._paint(self._lines)

    def lost(self, what: str) -> None:
        self._paint([*self._lines, "", what])

    def _paint(self, lines: list[str]) -> None:
        from rich.text import Text

        if lines == self._painted:
            return
        self._painted = lines
        self._live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)
