"""`plait fault`: puts faults into a running mesh, with an end, and takes them out."""

import getpass
import time
from datetime import UTC, datetime
from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit

LONGEST = 24 * 3600.0
"""Seconds for which a fault may be put in."""


@click.group(
    epilog="""\b
Examples:
  plait fault add ratings --abort 503 --percent 20 --for 5m --reason "game day"
  plait fault add reviews --delay 2s --from productpage --for 10m --reason "timeouts of the page"
  plait fault add details --partition --from productpage --for 1m --reason "what does the page show?"
  plait fault ls
  plait fault rm ratings-abort
"""
)
def command() -> None:
    """Faults of attempts and messages: retries, breakers and fallbacks meet them as if they were real.

    A fault is a policy document (Fault, plait.dev/v1): all nodes acknowledge it, and it ends by itself.
    """


@command.command("add")
@click.argument("host")
@click.option("--delay", metavar="TIME", help="Attempts are held up for so long.")
@click.option("--abort", type=click.IntRange(200, 599), help="Attempts are answered with this status.")
@click.option("--drop", is_flag=True, help="Messages are lost.")
@click.option("--duplicate", is_flag=True, help="Messages arrive twice.")
@click.option("--partition", is_flag=True, help="Nothing passes between HOST and --from, in either direction.")
@click.option("--percent", type=click.FloatRange(0, 100), help="Of the attempts; all without it.")
@click.option("--from", "source", metavar="SERVICE", help="Only calls of this service.")
@click.option("--subset", help="Only calls to this subset.")
@click.option("--instance", metavar="ID", help="Only attempts on this instance.")
@click.option("--for", "lasts", metavar="TIME", required=True, help="When it ends by itself: 5m, at most 24h.")
@click.option("--reason", required=True, help="Why; others see it.")
@click.option("--owner", help="Who answers for it; the user's name without it.")
@click.option("--name", help="The document's name; made of HOST and what happens without it.")
@option.timeout(15.0)
@option.connection
def add(host: str, timeout: float, nats: "option.Where", mesh: str, **said: Any) -> None:
    """Put a fault before the service HOST."""
    from ..actors.policy.scalar import PositiveDuration
    from ..mesh.address import find
    from .connection import Visit, visit
    from .publish import converge, headers, publish, tell

    try:
        seconds = float(PositiveDuration.parse(said["lasts"]))
    except ValueError as error:
        raise click.UsageError(f"--for: {error.args[0]}") from None
    if seconds > LONGEST:
        raise click.UsageError("--for: a fault lasts for 24h at most")
    document = _document(host, seconds, said)

    async def errand(there: Visit) -> None:
        import msgspec

        answer = await publish(there, msgspec.json.encode(document), headers(wait=True, dry_run=False))
        tell(answer)
        await converge(there, answer)

    visit(find(nats, mesh), errand, limit=timeout)


def _document(host: str, seconds: float, said: dict[str, Any]) -> dict[str, Any]:
    what = [name for name in ("delay", "abort", "drop", "duplicate", "partition") if said[name]]
    end = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    spec: dict[str, Any] = {
        "host": host,
        "owner": said["owner"] or getpass.getuser(),
        "reason": said["reason"],
        "expires": end,
        **{name: said[name] for name in ("subset", "instance") if said[name]},
        **{name: True for name in ("drop", "duplicate", "partition") if said[name]},
    }
    if said["source"]:
        spec["source"] = {"host": said["source"]}
    if said["percent"] is not None:
        spec["percentage"] = {"value": said["percent"]}
    if said["delay"]:
        spec["delay"] = {"fixedDelay": said["delay"]}
    if said["abort"]:
        spec["abort"] = {"httpStatus": said["abort"]}
    name = said["name"] or "-".join([host.partition(".")[0], *what])
    return {"apiVersion": "plait.dev/v1", "kind": "Fault", "metadata": {"name": name}, "spec": spec}


@command.command("ls")
@option.output
@option.timeout(5.0)
@option.connection
def ls(output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """List the mesh's faults: what they do, who answers for them, and how long they last yet."""
    from ..mesh.address import find
    from .connection import visit
    from .get import fetch
    from .output import Column, Listing, write

    found = visit(find(nats, mesh), lambda there: fetch(there, {"kind": "Fault"}), limit=timeout)
    columns = (
        Column("NAME", name_of),
        Column("HOST", _host),
        Column("FROM", _source),
        Column("WHAT", what_of),
        Column("LEFT", left_of, right=True),
        Column("OWNER", _owner),
        Column("REASON", _reason),
    )
    write(Listing("FaultList", columns, found, _title, "the mesh has no faults"), output)


@command.command("rm")
@click.argument("names", metavar="NAME…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All faults.")
@option.timeout(15.0)
@option.connection
def rm(names: tuple[str, ...], everything: bool, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Take faults out before their end, and those that are over."""
    from ..mesh.address import find
    from .connection import Visit, visit
    from .get import fetch
    from .publish import converge, headers, tell

    if bool(names) is everything:
        raise click.UsageError("name the faults, or --all")

    async def errand(there: Visit) -> None:
        named = list(names) or [name_of(one) for one in await fetch(there, {"kind": "Fault"})]
        if not named:
            raise CommandError(Exit.NOT_FOUND, "the mesh has no faults")
        question = {"items": [{"kind": "Fault", "name": name} for name in named]}
        answer = await there.ask("policy.delete", question, headers=headers(wait=True, dry_run=False))
        tell(answer)
        await converge(there, answer)

    visit(find(nats, mesh), errand, limit=timeout)


def _spec(document: dict[str, Any]) -> dict[str, Any]:
    spec = document.get("spec")
    return cast("dict[str, Any]", spec) if isinstance(spec, dict) else {}


def _host(document: dict[str, Any]) -> object:
    return _spec(document).get("host")


def _source(document: dict[str, Any]) -> object:
    return cast("dict[str, Any]", _spec(document).get("source") or {}).get("host")


def _owner(document: dict[str, Any]) -> object:
    return _spec(document).get("owner")


def _reason(document: dict[str, Any]) -> object:
    return _spec(document).get("reason")


def _title(document: dict[str, Any]) -> str:
    return f"Fault/{name_of(document)}"


def name_of(document: dict[str, Any]) -> str:
    """Return the name of a Fault, with its namespace where that is another than `default`."""
    metadata = cast("dict[str, Any]", document.get("metadata") or {})
    space = metadata.get("namespace") or "default"
    return f"{'' if space == 'default' else f'{space}/'}{metadata.get('name', '')}"


def what_of(document: dict[str, Any]) -> str:
    """Return what a Fault does: `delay 2s, abort 503, 20 %`."""
    spec = _spec(document)
    told = [name for name in ("drop", "duplicate", "partition") if spec.get(name)]
    if isinstance(spec.get("delay"), dict):
        told.append(f"delay {spec['delay'].get('fixedDelay')}")
    if isinstance(spec.get("abort"), dict):
        told.append(f"abort {spec['abort'].get('httpStatus')}")
    percentage = spec.get("percentage")
    if isinstance(percentage, dict) and "value" in percentage:  # an empty one sets none: all attempts
        told.append(f"{cast('dict[str, Any]', percentage)['value']:g} %")
    return ", ".join([*told, *(f"{name} {spec[name]}" for name in ("subset", "instance") if spec.get(name))])


def seconds_left(document: dict[str, Any]) -> float:
    """Return for how many seconds a Fault lasts yet; 0 where it is over."""
    try:
        end = datetime.fromisoformat(str(_spec(document).get("expires")))
        return max(0.0, end.timestamp() - time.time())
    except ValueError:
        return 0.0


def lasting(*, timeout: float, nats: "option.Where", mesh: str) -> list[str]:
    """Ask for the faults that are not over; their names.

    Raises:
        CommandError: the policy engine does not answer.
    """
    from ..mesh.address import find
    from .connection import visit
    from .get import fetch

    found = visit(find(nats, mesh), lambda there: fetch(there, {"kind": "Fault"}), limit=timeout)
    return [name_of(one) for one in found if seconds_left(one)]


def left_of(document: dict[str, Any]) -> str:
    """Return that for people."""
    from .output import age

    left = seconds_left(document)
    return age(left) if left else "over"
