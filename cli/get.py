"""`plait get`: the policy in force."""

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .kind import is_kind, kind_of, kinds

if TYPE_CHECKING:
    from .connection import Visit
    from .output import Listing


@click.command(
    epilog="""\b
Examples:
  plait get                              everything in force
  plait get vs/reviews -o yaml           VirtualService/reviews; any case will do
  plait get -o yaml > policy.yaml        ready for `plait apply -f policy.yaml`
"""
)
@click.argument("what", metavar="[KIND[/NAME]]", required=False)
@option.output
@option.timeout(5.0)
@option.connection
def command(what: str | None, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show the policy in force: all of it, one kind, or one document."""
    kind, _, name = (what or "").partition("/")
    if what and (not kind or what.endswith("/")):
        raise click.UsageError(f"{what!r} is not KIND or KIND/NAME")
    kind = kind_of(kind) if kind else ""
    if kind and not is_kind(kind):
        raise click.UsageError(f"{kind!r} is no kind of policy: write {', '.join(kinds())}")
    show(kind, name, output=output, timeout=timeout, nats=nats, mesh=mesh)


def show(kind: str, name: str, *, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Ask for policy and write it; see `listing`."""
    from .output import write

    write(listing(kind, name, timeout=timeout, nats=nats, mesh=mesh), output)


def listing(kind: str, name: str, *, timeout: float, nats: "option.Where", mesh: str) -> "Listing":
    """Ask for policy; an empty `kind` or `name` stands for all.

    Raises:
        CommandError: a document was named that is not in force, or the policy engine does not answer.
    """
    from ..mesh.address import find
    from .connection import visit
    from .output import Column, Listing

    question: dict[str, Any] = {key: text for key, text in (("kind", kind), ("name", name)) if text}

    documents = visit(find(nats, mesh), lambda there: fetch(there, question), limit=timeout)
    if name and not documents:
        raise CommandError(Exit.NOT_FOUND, f"no {kind}/{name} is in force", hint=f"`plait get {kind}` lists what is")
    columns = (
        Column("KIND", "kind"),
        Column("NAMESPACE", _namespace),
        Column("NAME", _name),
        Column("REVISION", _revision, right=True),
        Column("AGE", _age, right=True),
        Column("HOSTS", _hosts, wide=True),
    )
    return Listing("PolicyList", columns, documents, _title, "no policy is in force", documents)


async def fetch(there: "Visit", question: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documents in force that `question` asks for, all pages of them.

    Raises:
        CommandError: as `Visit.ask`.
    """
    from .connection import check, items

    found: list[dict[str, Any]] = []
    while True:  # an answer holds a page of the documents; `next` says where the next page begins
        answer = check(await there.ask("policy.get", question))
        found += items(answer)
        if not isinstance(answer.get("next"), int):
            return found
        question = {**question, "offset": answer["next"]}


def _metadata(document: dict[str, Any], field: str) -> str:
    metadata = document.get("metadata")
    return str(cast("dict[str, object]", metadata).get(field) or "") if isinstance(metadata, dict) else ""


def _namespace(document: dict[str, Any]) -> str:
    return _metadata(document, "namespace") or "default"


def _name(document: dict[str, Any]) -> str:
    return _metadata(document, "name")


def _revision(document: dict[str, Any]) -> str:
    return str(document.get("revision") or _metadata(document, "resourceVersion") or _metadata(document, "generation"))


def _age(document: dict[str, Any]) -> str:
    from .output import age

    try:
        made = datetime.fromisoformat(_metadata(document, "creationTimestamp"))
        return age(time.time() - made.timestamp())
    except ValueError:
        return ""


def _hosts(document: dict[str, Any]) -> object:
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return None
    fields = cast("dict[str, object]", spec)
    return fields.get("hosts") or fields.get("host")


def _title(document: dict[str, Any]) -> str:
    space = _namespace(document)
    place = "" if space == "default" else f"{space}/"
    return f"{document.get('kind')}/{place}{_name(document)}"
