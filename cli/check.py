"""`plait check`: the doctor, which says what works, what does not, and what to do about it."""

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import click

from . import option
from .bus import nats_sys
from .exit import LOGIN, CommandError, Exit

if TYPE_CHECKING:
    from ..actors.bus.login import Login
    from ..mesh.address import Target
    from .connection import Visit
    from .finding import Finding


@click.command(
    epilog="""\b
Examples:
  plait check
  plait check --http 127.0.0.1:8080 -o json
"""
)
@click.option("--http", metavar="URL", multiple=True, envvar="PLAIT_HTTP", show_envvar=True, help="The gateway.")
@click.option("--admin", metavar="URL", envvar="PLAIT_ADMIN", show_envvar=True, help="The admin address.")
@option.output
@option.timeout(2.0)
@option.nats
@nats_sys
@option.mesh
def command(
    http: tuple[str, ...],
    admin: str | None,
    output: str,
    timeout: float,
    nats: "option.Where",
    nats_sys: str,
    system_login: "Login",
    mesh: str,
) -> None:
    """Look at this machine, the bus and the mesh; the exit code is 3 when a check failed."""
    from .finding import Finding, Verdict, clock, nats_binary, private_files, python
    from .output import Column, Item, Listing, clean, write

    findings = [python(), nats_binary(), private_files(mesh)]
    found, skew = asyncio.run(_outside(http, admin, nats, (nats_sys, system_login), mesh, timeout))
    findings += [*found, clock(skew)]

    if output in ("table", "wide"):
        width = max(len(one.check) for one in findings)
        for one in findings:
            click.echo(clean(f"{one.verdict.value} {one.check.ljust(width)}  {one.message}"))
            if one.hint:
                click.echo(clean(f"  {' ' * width}  {one.hint}"))
    else:

        def name(item: Item) -> str:
            return f"check/{str(item['check']).replace(' ', '-')}"

        def item(one: Finding) -> Item:
            return {
                "check": one.check,
                "verdict": one.verdict.name.lower(),
                "message": one.message,
                "hint": one.hint,
            }

        columns = (Column("CHECK", "check"),)
        write(Listing("CheckList", columns, [item(one) for one in findings], name), output)
    failed = [one.check for one in findings if one.verdict is Verdict.FAILED]
    if failed:
        raise CommandError(Exit.REFUSED, f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}")


async def _outside(
    http: tuple[str, ...],
    admin: str | None,
    nats: "option.Where",
    system: "tuple[str, Login]",
    mesh: str,
    timeout: float,
) -> "tuple[list[Finding], float | None]":
    from ..mesh import run_file
    from ..mesh.address import find, system_url
    from .durability import sync
    from .finding import Finding, Verdict
    from .finding import http as page

    target = find(nats, mesh)
    found = await _bus(target, timeout)
    if all(one.verdict is not Verdict.FAILED for one in found if one.check == "bus"):
        url, login = system
        found.append(await sync(url or system_url(target), login, timeout))
    run = run_file.read(mesh)
    gateways = http or (run.http if run is not None else ())
    skew = None
    for url in gateways:
        answer, skew = await page("gateway", _url(url), "/", healthy=False)
        found.append(answer)
    if not gateways:
        found.append(Finding("gateway", Verdict.WARNING, "its address is not known", "name it with --http"))
    place = admin or (run.admin if run is not None else "")
    if place:
        found.append((await page("admin", _url(place), "/healthz", healthy=True))[0])
    return found, skew


async def _bus(target: "Target", timeout: float) -> "list[Finding]":
    from ..actors.bus import lean
    from ..actors.messages.error import BusDenied, BusUnavailable
    from .connection import CONNECT, Visit
    from .durability import buckets
    from .finding import Finding, Verdict

    try:
        bus = await lean.connect(target.url, name="plait-cli", login=target.login, connect_timeout=CONNECT)
    except BusUnavailable as error:
        hint = f"it was found by {target.origin}; start a mesh with `plait up`, or name its bus with --nats URL"
        hint = LOGIN if isinstance(error, BusDenied) else hint
        return [Finding("bus", Verdict.FAILED, str(error), hint)]
    try:
        there = Visit(bus, target, timeout)
        await bus.flush(timeout)
        begin = time.perf_counter()
        await bus.flush(timeout)
        trip = (time.perf_counter() - begin) * 1e3
        found = [Finding("bus", Verdict.GOOD, f"{target.shown} answers in {trip:.2f} ms (found by {target.origin})")]
        return found + await buckets(there) + await _registry(there) + await _policy(there)
    except BusUnavailable as error:
        return [Finding("bus", Verdict.FAILED, str(error), "the server took the connection and went silent")]
    finally:
        await bus.close()


async def _registry(there: "Visit") -> "list[Finding]":
    from ..actors.messages.health import ROUTABLE
    from .connection import check
    from .finding import Finding, Verdict
    from .ls import instances

    try:
        members = instances(check(await there.ask("registry.resolve", {"service": ""})))
    except CommandError as error:
        return [Finding("registry", Verdict.FAILED, error.what, error.hint)]
    found = [Finding("registry", Verdict.GOOD, f"knows {len(members)} instances")]
    healthy = Counter(str(one.get("service")) for one in members if one.get("health") in ROUTABLE)
    for service in sorted({str(one.get("service")) for one in members}):
        count = healthy[service]
        verdict = Verdict.GOOD if count else Verdict.WARNING
        text = f"{count} healthy instance{'' if count == 1 else 's'}"
        found.append(Finding(f"service {service}", verdict, text, "" if count else "`plait ls instances` has more"))
    if not members:
        found.append(Finding("services", Verdict.WARNING, "none is registered", "start one with `plait node`"))
    return found


async def _policy(there: "Visit") -> "list[Finding]":
    from .connection import check, items
    from .finding import Finding, Verdict

    try:
        answer = check(await there.ask("policy.get", {}))
    except CommandError as error:
        return [Finding("policy", Verdict.FAILED, error.what, error.hint)]
    text = f"revision {answer.get('revision', '-')}, {len(items(answer))} documents"
    return [Finding("policy", Verdict.GOOD, text)]


def _url(text: str) -> str:
    """A gateway's flag may be an address as `plait up` takes it."""
    if "://" in text:
        return text.rstrip("/")
    from ..mesh.options import parse_listen

    return f"http://{parse_listen(text, mapped=True)}"
