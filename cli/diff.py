"""`plait diff`: what applying files would change of the policy in force."""

import difflib
import sys
from collections.abc import Iterator
from typing import Any

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, clean, write

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(
    epilog="""\b
Examples:
  plait diff -f reviews.yaml
  plait get -o yaml | plait diff -f -        no difference: exit code 0
"""
)
@click.option(
    "-f",
    "--file",
    "files",
    metavar="FILE|DIR|-",
    multiple=True,
    required=True,
    help="What to compare; may be repeated.",
)
@option.output
@option.timeout(15.0)
@option.connection
def command(files: tuple[str, ...], output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show what `plait apply` of the same files would change; nothing is changed.

    Exit codes: 0 no difference, 3 differences, or the bundle would be refused.
    """
    from ..mesh.address import find
    from .bundle import read
    from .connection import Visit, visit
    from .get import fetch
    from .publish import headers, publish, tell

    bundle = read(files)

    async def errand(there: Visit) -> tuple[dict[str, Any], list[Item]]:
        answer = await publish(there, bundle.text.encode(), headers(wait=False, dry_run=True))
        return answer, [] if "errors" in answer else await fetch(there, {})

    answer, in_force = visit(find(nats, mesh), errand, limit=timeout)
    if "errors" in answer:
        tell(answer, bundle)
    changes = list(_changes(bundle.text, {_key(one): one for one in in_force}))
    if output not in ("table", "wide"):
        write(Listing("DifferenceList", _COLUMNS, changes, _name), output)
    else:
        for change in changes:
            _show(change["diff"])
    if changes:
        raise SystemExit(Exit.REFUSED)


_COLUMNS = (Column("KIND", "kind"), Column("NAME", "name"), Column("ACTION", "action"))


def _changes(text: str, in_force: dict[str, Item]) -> Iterator[Item]:
    from ..actors.policy.document import read_documents

    documents, problems = read_documents(text)
    if problems:
        raise CommandError(Exit.REFUSED, f"{problems[0].message} (line {problems[0].line})")
    for document in documents:
        old = in_force.get(document.key)
        before, after = _lines(old), _lines(document.body)
        if before == after:
            continue
        names = ("/dev/null" if old is None else f"in force/{document.key}", f"files/{document.key}")
        diff = list(difflib.unified_diff(before, after, *names, lineterm=""))
        action = "created" if old is None else "configured"
        yield {
            "kind": document.kind,
            "namespace": document.namespace,
            "name": document.name,
            "action": action,
            "diff": "\n".join(diff),
        }


def _name(item: Item) -> str:
    return f"{item['kind']}/{item['name']}"


def _key(document: Item) -> str:
    from ..actors.policy.document import Document

    return Document(document, {}, 0).key


def _lines(document: Item | None) -> list[str]:
    """A document as both sides are compared: what only the mesh adds is left out, fields stand in one order."""
    import yaml

    from ..actors.policy.change import without_additions

    if document is None:
        return []
    text: str = yaml.safe_dump(without_additions(document), sort_keys=True, allow_unicode=True, width=1000)
    return text.splitlines()


def _show(diff: str) -> None:
    coloured = sys.stdout.isatty()
    for line in diff.splitlines():
        shown = clean(line)
        click.echo(click.style(shown, fg=_COLOURS.get(line[:1])) if coloured else shown)
