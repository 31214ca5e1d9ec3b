"""`plait trace`: the traces that the mesh keeps, as a list or one of them as a waterfall."""

import shutil
import sys
import time
from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, age, clean, write

WIDTH = 100
"""Columns of a waterfall where no terminal has any."""


@click.group(
    epilog="""\b
Examples:
  plait trace ls --service reviews --errors
  plait trace ls --min-duration 250ms
  plait trace show 4bf92f35
  plait trace show 4bf92f3577b34da6a3ce929d0e0e4736 --jaeger http://localhost:16686
"""
)
def command() -> None:
    """Look at traces."""


def _jaeger(function: "option.Command") -> "option.Command":
    return click.option(
        "--jaeger",
        metavar="URL",
        envvar="PLAIT_JAEGER",
        show_envvar=True,
        default="",
        help="Read a Jaeger, or an admin address, in the place of the mesh's store.",
    )(function)


def _span_of_time(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from ..tracing.store.span_time import seconds_of

    try:
        if value:
            seconds_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


@command.command("ls")
@click.option("--service", help="Only traces in which this service had a part.")
@click.option("--errors", is_flag=True, help="Only traces with a failed span.")
@click.option(
    "--min-duration",
    metavar="TIME",
    default="",
    callback=_span_of_time,
    help="Only traces that lasted so long, such as 250ms.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@_jaeger
@option.output
@option.timeout(5.0)
@option.connection
def list_traces(
    service: str | None,
    errors: bool,
    min_duration: str,
    limit: int,
    jaeger: str,
    output: str,
    timeout: float,
    nats: "option.Where",
    mesh: str,
) -> None:
    """List traces, the latest first."""
    if jaeger:
        from .jaeger import Jaeger

        found = Jaeger(jaeger, timeout).latest(service or "", errors, min_duration, limit)
    else:
        from ..mesh.address import find
        from .connection import ask, check, items

        question: dict[str, Any] = {"service": service or "", "errors": errors, "limit": limit}
        if min_duration:
            from ..tracing.store.span_time import seconds_of

            question["min_duration_ms"] = seconds_of(min_duration) * 1e3
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
@_jaeger
@option.output
@option.timeout(5.0)
@option.connection
def show(trace_id: str, jaeger: str, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show one trace; the first 8 digits of its id will do."""
    trace_id = trace_id.removeprefix("trace/")  # as `-o name` writes it
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    lines: list[object]
    spans: list[object]
    if jaeger:
        from ..tracing.record import in_words
        from ..tracing.store.tree import waterfall
        from .jaeger import Jaeger

        records = Jaeger(jaeger, timeout).show(trace_id)
        lines, spans = list(waterfall(records, width)), [in_words(record) for record in records]
    else:
        from ..mesh.address import find
        from .connection import ask, check

        question = {"id": trace_id, "width": width}
        answer = check(ask(find(nats, mesh), "trace.show", question, limit=timeout))
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
