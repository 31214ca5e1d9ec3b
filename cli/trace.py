"""`plait trace`: the traces that the mesh keeps, as a list or one of them as a waterfall."""

import time
from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, age, clean, write


@click.group(
    epilog="""\b
Examples:
  plait trace ls --service reviews --errors
  plait trace show 4bf92f35
"""
)
def command() -> None:
    """Look at traces."""


@command.command("ls")
@click.option("--service", help="Only traces in which this service had a part.")
@click.option("--errors", is_flag=True, help="Only traces with a failed span.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@option.output
@option.timeout(5.0)
@option.connection
def list_traces(
    service: str | None, errors: bool, limit: int, output: str, timeout: float, nats: "option.Where", mesh: str
) -> None:
    """List traces, the latest first."""
    from ..mesh.address import find
    from .connection import ask, check, items

    question: dict[str, Any] = {"service": service or "", "errors": errors, "limit": limit}
    found = items(check(ask(find(nats, mesh), "trace.ls", question, limit=timeout)))
    columns = (
        Column("TRACE", "trace_id"),
        Column("SERVICE", "service"),
        Column("OPERATION", "operation"),
        Column("DURATION", _duration, right=True),
        Column("SPANS", "spans", right=True),
        Column("ERRORS", "errors", right=True),
        Column("AGE", _age, right=True),
        Column("SERVICES", _services, wide=True),
    )
    write(Listing("TraceList", columns, found, _name, "no trace is kept yet"), output)


@command.command("show")
@click.argument("trace_id", metavar="ID")
@option.output
@option.timeout(5.0)
@option.connection
def show(trace_id: str, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show one trace; the first 8 digits of its id will do."""
    from ..mesh.address import find
    from .connection import ask, check

    trace_id = trace_id.removeprefix("trace/")  # as `-o name` writes it
    answer = check(ask(find(nats, mesh), "trace.show", {"id": trace_id}, limit=timeout))
    lines, spans = _list(answer.get("lines")), _list(answer.get("spans"))
    if not lines and not spans:
        raise CommandError(Exit.NOT_FOUND, f"no trace {trace_id} is kept", hint="`plait trace ls` lists those that are")
    if output in ("table", "wide"):
        for line in lines:
            click.echo(clean(str(line)))
        return
    found = [cast("Item", one) for one in spans if isinstance(one, dict)]
    write(Listing("SpanList", (), found, _span_name), output)


def _list(found: object) -> list[object]:
    return cast("list[object]", found) if isinstance(found, list) else []


def _number(item: Item, key: str) -> float | None:
    value = item.get(key)
    return value if isinstance(value, int | float) else None


def _duration(item: Item) -> str:
    nanoseconds = _number(item, "duration_ns")
    return "" if nanoseconds is None else f"{nanoseconds / 1e6:.1f}ms"


def _age(item: Item) -> str:
    start = _number(item, "start_ns")
    return "" if start is None else age(time.time() - start / 1e9)


def _services(item: Item) -> list[str]:
    return [
        str(cast("Item", one).get("service")) if isinstance(one, dict) else str(one)
        for one in _list(item.get("services"))
    ]


def _name(item: Item) -> str:
    return f"trace/{item.get('trace_id')}"


def _span_name(item: Item) -> str:
    return f"span/{item.get('span_id')}"
