"""`plait analyze`: finds what is wrong with policy files, and what is probably wrong, before they are applied."""

import time
from typing import TYPE_CHECKING, Any

import click

from . import option
from .exit import CommandError, Exit

if TYPE_CHECKING:
    from ..actors.policy.bundle import StoredDocument
    from ..actors.policy.finding import Finding
    from ..actors.policy.world import World
    from .bundle import Bundle

THRESHOLDS = ("info", "warning", "error", "never")


@click.command(
    epilog="""\b
Examples:
  plait analyze -f policies/              against the running mesh, or by itself where none runs
  plait analyze -f reviews.yaml --offline
  plait analyze                           the policy that is in force
  plait analyze --codes                   every code with its number
\b
Each number has a page in docs/codes/. Exit code 3 says that a finding reached the threshold.
"""
)
@click.option("-f", "--file", "files", metavar="FILE|DIR|-", multiple=True, help="What to check; may be repeated.")
@click.option("--offline", is_flag=True, help="Check the files by themselves, also where a mesh runs.")
@click.option(
    "--threshold",
    type=click.Choice(THRESHOLDS),
    default="error",
    show_default=True,
    help="From which level on findings give exit code 3.",
)
@click.option("--codes", is_flag=True, help="List all codes instead.")
@option.output
@option.timeout(5.0)
@option.connection
def command(
    files: tuple[str, ...],
    offline: bool,
    threshold: str,
    codes: bool,
    output: str,
    timeout: float,
    nats: "option.Where",
    mesh: str,
) -> None:
    """Check policy: what would be refused, and what is accepted but probably not meant.

    Files are checked as `plait apply` would, against the policy and the services of the mesh where one runs.
    """
    from ..actors.policy.finding import of_mesh, of_text
    from ..actors.policy.world import FILES
    from .bundle import read

    if codes:
        _list_codes(output)
        return
    if not files and offline:
        raise CommandError(Exit.USAGE, "there is nothing to check", hint="name files with -f, or leave out --offline")
    bundle = read(files) if files else None
    scene = None if offline else _scene(nats, mesh, timeout, needed=bundle is None)
    if bundle is not None:
        found = of_text(bundle.text, *(scene[:2] if scene is not None else ({}, FILES)))
    else:
        assert scene is not None
        found = of_mesh(*scene[:2])
    _tell(found, bundle, output)
    counts = _counts(found)
    click.echo(f"{counts}; {scene[2] if scene is not None else 'checked by themselves, without a mesh'}", err=True)
    if any(THRESHOLDS.index(one.level) >= THRESHOLDS.index(threshold) for one in found):
        raise SystemExit(Exit.REFUSED)


def _scene(
    nats: "option.Where", mesh: str, timeout: float, *, needed: bool
) -> "tuple[dict[str, StoredDocument], World, str] | None":
    """The policy in force, the mesh's services, and which mesh that is; None where no mesh runs and none was named."""
    from ..actors.messages.error import BusUnavailable
    from ..actors.policy.finding import stand
    from ..actors.policy.world import world_of
    from ..mesh.address import find
    from .connection import Visit, check, visit
    from .ls import instances

    target = find(nats, mesh)
    named = target.origin != "the run file"
    if target.origin == "the default" and not needed:
        return None

    async def errand(there: Visit) -> tuple[list[dict[str, Any]], int, list[dict[str, Any]]]:
        items: list[dict[str, Any]] = []
        offset, revision = 0, 0
        while True:
            answer = check(await there.ask("policy.get", {"offset": offset}))
            items += answer.get("items") or []
            revision, offset = answer.get("revision") or 0, answer.get("next") or 0
            if not offset:
                break
        return items, revision, instances(check(await there.ask("registry.resolve", {"service": ""})))

    try:
        items, revision, found = visit(target, errand, limit=timeout)
    except BusUnavailable:
        if named or needed:
            raise
        click.echo(f"the mesh {mesh!r} of the run file does not answer", err=True)
        return None
    world = world_of(
        ((str(one.get("service")), {"version": str(one.get("version")), **(one.get("labels") or {})}) for one in found),
        time.time(),
    )
    return stand(items), world, f"checked against the mesh {mesh!r}, policy revision {revision}"


def _tell(found: "list[Finding]", bundle: "Bundle | None", output: str) -> None:
    import msgspec

    from .output import Listing, clean, write

    items: list[dict[str, Any]] = []
    for one in found:
        file, line = bundle.where(one.line) if bundle is not None else ("", 0)
        items.append({**msgspec.to_builtins(one), "file": "stdin" if file == "-" else file, "line": line})
    if output not in ("table", "wide"):
        write(Listing("FindingList", (), items, _name), output)
        return
    for item in items:
        place = f"{item['file']}:{item['line']}" if item["line"] else item["file"]
        head = " ".join(part for part in (item["level"], item["number"], place) if part)
        istio = f", {item['istio']}" if item["istio"] and output == "wide" else ""
        click.echo(clean(f"{head}: {item['document']} {item['path']}: {item['message']} [{item['code']}{istio}]"))
        if item["hint"]:
            click.echo("  hint: " + clean(item["hint"]))


def _counts(found: "list[Finding]") -> str:
    counts = {level: sum(one.level == level for one in found) for level in ("error", "warning", "info")}
    parts = [f"{n} {level}{'s' * (n > 1 and level != 'info')}" for level, n in counts.items() if n]
    return ", ".join(parts) or "no findings"


def _name(item: dict[str, Any]) -> str:
    return "/".join(str(item[key]) for key in ("number", "document") if item.get(key))


def _list_codes(output: str) -> None:
    from ..actors.policy.code import CODES
    from .output import Column, Item, Listing, write

    items: list[Item] = [
        {
            "number": one.number,
            "level": one.level.name.lower(),
            "code": word.value,
            "istio": one.istio,
            "title": one.title,
        }
        for word, one in CODES.items()
    ]
    columns = (
        Column("NUMBER", "number"),
        Column("LEVEL", "level"),
        Column("CODE", "code"),
        Column("ISTIO", "istio"),
        Column("TITLE", "title"),
    )
    write(Listing("CodeList", columns, items, _name), output)
