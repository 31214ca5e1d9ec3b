"""A change of policy on its way to the engine: in parts where it is large, and until every node decides by it."""

import asyncio
import sys
import time
from typing import Any, cast

import click

from .bundle import Bundle
from .connection import Visit, check, items
from .exit import CommandError, Exit
from .output import clean

PART = 512 * 1024
"""Bytes of a bundle in one message: half of what a NATS server takes by default."""
_LOOK = 0.1  # seconds between two looks at how far the nodes are


def headers(*, wait: bool, dry_run: bool) -> dict[str, str]:
    """Return what tells the engine how to carry a change out."""
    said = {"plait-wait": "" if wait else "false", "plait-dry-run": "true" if dry_run else ""}
    return {name: value for name, value in said.items() if value}


async def publish(there: Visit, text: bytes, said: dict[str, str]) -> dict[str, Any]:
    """Ask for a bundle to be applied, and return the answer.

    Raises:
        CommandError: as `Visit.ask`.
    """
    size = min(PART, there.bus.max_payload // 2)
    if len(text) <= size:
        return await there.ask("policy.apply", text, headers=said)
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    answer = await there.ask("policy.apply", parts[0], headers={**said, "plait-parts": str(len(parts))})
    subject = answer.get("upload")
    for place, part in enumerate(parts[1:], 1):
        if not isinstance(subject, str):
            return answer
        answer = await there.ask(subject, part, headers={"plait-part": str(place)})
        if "errors" in answer:
            break
    return answer


async def converge(there: Visit, answer: dict[str, Any]) -> None:
    """Wait until every living node decides by the answer's revision, and tell on stderr how far they are.

    Raises:
        CommandError: they do not within the visit's limit.
    """
    nodes, took = answer.get("nodes"), answer.get("convergence")
    if not isinstance(nodes, dict):
        return
    counts = cast("dict[str, int]", nodes)
    revision, synced, of = int(answer.get("revision", 0)), counts.get("synced", 0), counts.get("of", 0)
    began = time.monotonic()
    live = sys.stderr.isatty()
    while synced < of:
        if live:
            click.echo(f"\r{synced}/{of} nodes decide by revision {revision}", nl=False, err=True)
        if time.monotonic() - began > there.limit:
            late = [one for one in found if one.get("state") != "synced"] if (found := await _status(there)) else []
            names = ", ".join(f"{one.get('node')} ({one.get('state')})" for one in late[:10])
            raise CommandError(
                Exit.TIMED_OUT,
                f"revision {revision} is in force, and {synced} of {of} nodes decide by it after {there.limit:g} s",
                why=clean(f"not yet: {names}") if names else "",
                hint="`plait status` shows how far they are",
            )
        await asyncio.sleep(_LOOK)
        found = await _status(there)
        synced, of = sum(one.get("state") == "synced" for one in found), len(found)
        took = None
    if live:
        click.echo("\r", nl=False, err=True)
    line = f"{synced}/{of} nodes decide by revision {revision}"
    if isinstance(took, dict):
        times = cast("dict[str, float]", took)
        line += (
            f", {times.get('all', 0.0):.3f} s after it was accepted (half of them after {times.get('p50', 0.0):.3f} s)"
        )
    elif time.monotonic() - began > _LOOK:
        line += f", some {time.monotonic() - began:.1f} s later than the others"
    click.echo(line, err=True)


async def _status(there: Visit) -> list[dict[str, Any]]:
    return items(check(await there.ask("policy.status", {})))


def tell(answer: dict[str, Any], bundle: Bundle | None = None, *, dry_run: bool = False) -> None:
    """Write what became of a change: the revision and its documents on stdout, warnings on stderr.

    Raises:
        CommandError: the change was refused; each reason has been told on stderr.
    """
    for problem in _objects(answer.get("warnings")):
        click.echo("warning: " + told(problem, bundle), err=True)
    errors = _objects(answer.get("errors"))
    for problem in errors:
        click.echo(told(problem, bundle), err=True)
    if errors or "errors" in answer:
        count = f"{len(errors)} reason{'' if len(errors) == 1 else 's'}"
        what = "the bundle" if bundle is not None else "the change"
        code = Exit.NOT_FOUND if errors and all(one.get("code") == "not_found" for one in errors) else Exit.REFUSED
        raise CommandError(code, f"{what} was refused for {count}; nothing was changed")
    click.echo(f"revision {answer.get('revision', '-')}{' (dry run: nothing was changed)' if dry_run else ''}")
    applied = answer.get("applied")
    for one in cast("list[object]", applied) if isinstance(applied, list) else []:
        click.echo(_applied(one))


def _objects(found: object) -> list[dict[str, Any]]:
    if not isinstance(found, list):
        return []
    return [
        cast("dict[str, Any]", one) if isinstance(one, dict) else {"message": str(one)}
        for one in cast("list[object]", found)
    ]


def told(problem: dict[str, Any], bundle: Bundle | None) -> str:
    """Return a problem as text: `FILE: DOCUMENT path (line N): message [code]`, and the hint on a line of its own."""
    line = problem.get("line")
    file, number = bundle.where(line if isinstance(line, int) else 0) if bundle is not None else ("", 0)
    document, path, message, code, hint = (
        clean(str(problem.get(field) or "")) for field in ("document", "path", "message", "code", "hint")
    )
    place = " ".join(part for part in (document, path, f"(line {number})" if number else "") if part)
    head = ": ".join(part for part in ("stdin" if file == "-" else file, place, message) if part)
    return head + (f" [{code}]" if code else "") + (f"\n  hint: {hint}" if hint else "")


def _applied(one: object) -> str:
    if not isinstance(one, dict):
        return clean(str(one))
    fields = {key: str(value or "") for key, value in cast("dict[str, object]", one).items()}
    title = "/".join(fields[key] for key in ("kind", "namespace", "name") if fields.get(key))
    return clean(" ".join(part for part in (title, fields.get("action", "")) if part))
