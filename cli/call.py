"""`plait call`: one routed call from the shell."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import option
from .exit import CommandError, Exit

if TYPE_CHECKING:
    from ..actors.messages.error import MeshError
    from ..actors.service.response import Reply


@click.command(
    epilog="""\b
Examples:
  plait call reviews /reviews/0
  plait call reviews /reviews/0 -H end-user:jason -o json
  plait call orders /orders -d '{"id": 1}' -H content-type:application/json
  plait call orders /orders -X PUT -d @order.json
"""
)
@click.argument("service")
@click.argument("path")
@click.option("-X", "--method", help="Method; GET, or POST where there is a body.")
@click.option("-H", "--header", "headers", metavar="K:V", multiple=True, help="A header; may be repeated.")
@click.option("-d", "--data", "body", metavar="BODY|@FILE", help="The body; @- reads standard input.")
@option.timeout(15.0)
@option.output
@option.connection
def command(
    service: str,
    path: str,
    method: str | None,
    headers: tuple[str, ...],
    body: str | None,
    timeout: float,
    output: str,
    nats: "option.Where",
    mesh: str,
) -> None:
    """Call SERVICE at PATH by the policy in force, and print the answer's body.

    `-o wide` adds status and headers on stderr, `-o json` gives all three as one object. Exit codes: 4 no route, 5
    denied, 7 timed out, 8 any other failure and every status of 400 or more that the service answers with.
    """
    import asyncio

    from ..actors.messages.error import MeshError
    from ..mesh.client import connect

    fields = [_header(one) for one in headers]
    content = _body(body)
    verb = (method or ("POST" if body is not None else "GET")).upper()
    place = path if path.startswith("/") else f"/{path}"

    async def call() -> "Reply":
        async with connect(nats, mesh, name="plait-cli", timeout=min(timeout, 3.0)) as there:
            return await there.call(service, place, method=verb, headers=fields, body=content, timeout=timeout)

    try:
        reply = asyncio.run(call())
    except MeshError as error:
        raise _failure(error, service) from error
    _write(reply.status, reply.headers.fields, reply.body, output)
    if reply.status >= 400:
        raise CommandError(Exit.SERVICE_FAILED, f"{service} answered with status {reply.status}")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or any(one in text for one in "\r\n\0"):
        raise click.UsageError(f"header {text!r} is not NAME:VALUE")
    return name.strip().lower(), value.strip()


def _body(text: str | None) -> bytes:
    if text is None:
        return b""
    if text == "@-":
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except FileNotFoundError:
            raise CommandError(Exit.USAGE, f"there is no file {text[1:]}") from None
    return text.encode()


def _failure(error: "MeshError", service: str) -> CommandError:
    """The mesh itself failed the call: its code says how, as the gateway's status would."""
    from ..actors.messages.error import BusUnavailable, Code, Disconnected, FaultInjected, InvalidName
    from .exit import understand

    if isinstance(error, BusUnavailable | InvalidName):
        return understand(error)
    if isinstance(error, Disconnected):
        return CommandError(Exit.UNREACHABLE, str(error))
    if isinstance(error, FaultInjected):
        by_status = {404: Exit.NOT_FOUND, 403: Exit.DENIED, 504: Exit.TIMED_OUT}
        return CommandError(by_status.get(error.status, Exit.SERVICE_FAILED), f"{error} with status {error.status}")
    by_code = {
        Code.NOT_FOUND: Exit.NOT_FOUND,
        Code.PERMISSION_DENIED: Exit.DENIED,
        Code.DEADLINE_EXCEEDED: Exit.TIMED_OUT,
    }
    return CommandError(by_code.get(error.code, Exit.SERVICE_FAILED), f"{service}: {error}")


def _write(status: int, headers: list[tuple[str, str]], body: bytes, output: str) -> None:
    if output in ("table", "wide"):
        if output == "wide":
            from .output import clean

            for line in (f"status {status}", *(f"{name}: {value}" for name, value in headers), ""):
                click.echo(clean(line), err=True)
        click.echo(body, nl=sys.stdout.isatty() and not body.endswith(b"\n"))
        return
    if output == "name":
        click.echo(f"status/{status}")
        return
    whole = {"status": status, "headers": [list(pair) for pair in headers], "body": body.decode(errors="replace")}
    if output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), nl=False)
        return
    import json

    click.echo(json.dumps(whole, indent=2 if output == "json" else None, ensure_ascii=False))
