"""`plait apply`: publishes a policy bundle."""

from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit


@click.command(
    epilog="""\b
Examples:
  plait apply -f reviews-v3.yaml
  plait apply -f policies/ --dry-run
  plait get -o yaml | plait apply -f -
"""
)
@click.option(
    "-f", "--file", "files", metavar="FILE|DIR|-", multiple=True, required=True, help="What to apply; may be repeated."
)
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Return when every node decides by the new revision."
)
@click.option("--dry-run", is_flag=True, help="Check it against what is in force, change nothing.")
@option.timeout(15.0)
@option.connection
def command(files: tuple[str, ...], wait: bool, dry_run: bool, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Publish policy: all files are one bundle, accepted or refused as a whole.

    A refused bundle changes nothing; each reason is told with its file and line, and the exit code is 3.
    """
    from ..mesh.address import find
    from .bundle import read
    from .connection import ask

    bundle = read(files)
    headers = {"plait-wait": "" if wait else "false", "plait-dry-run": "true" if dry_run else ""}
    answer = ask(
        find(nats, mesh),
        "policy.apply",
        bundle.text.encode(),
        limit=timeout,
        headers={name: value for name, value in headers.items() if value},
    )
    for problem in _objects(answer.get("warnings")):
        click.echo("warning: " + told(problem, bundle.where(_line(problem))), err=True)
    errors = _objects(answer.get("errors"))
    for problem in errors:
        click.echo(told(problem, bundle.where(_line(problem))), err=True)
    if errors or "errors" in answer:
        count = f"{len(errors)} reason{'' if len(errors) == 1 else 's'}"
        raise CommandError(Exit.REFUSED, f"the bundle was refused for {count}; nothing was changed")
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


def _line(problem: dict[str, Any]) -> int:
    line = problem.get("line")
    return line if isinstance(line, int) else 0


def told(problem: dict[str, Any], where: tuple[str, int]) -> str:
    """Return a problem as text: `FILE: DOCUMENT path (line N): message [code]`, and the hint on a line of its own."""
    from .output import clean

    file, line = where
    document, path, message, code, hint = (
        clean(str(problem.get(field) or "")) for field in ("document", "path", "message", "code", "hint")
    )
    place = " ".join(part for part in (document, path, f"(line {line})" if line else "") if part)
    head = ": ".join(part for part in ("stdin" if file == "-" else file, place, message) if part)
    return head + (f" [{code}]" if code else "") + (f"\n  hint: {hint}" if hint else "")


def _applied(one: object) -> str:
    from .output import clean

    if not isinstance(one, dict):
        return clean(str(one))
    fields = {key: str(value or "") for key, value in cast("dict[str, object]", one).items()}
    title = "/".join(fields[key] for key in ("kind", "namespace", "name") if fields.get(key))
    return clean(" ".join(part for part in (title, fields.get("action", "")) if part))
