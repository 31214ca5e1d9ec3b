"""`plait probe`: is this node ready? For the health checks of containers and of whoever else watches one process."""

import click

from . import option
from .exit import CommandError, Exit

LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  -- to ask at, not to listen on
"""Where to ask a server that listens on all addresses."""

LARGEST = 4096
"""Bytes of an answer that are read: it is one line."""


@click.command(
    epilog="""\b
Examples:
  plait probe 8081                         exit code 0 once the node is registered and routable
  plait probe 8081 --live                  does it answer, and the bus behind it?
  plait probe http://10.0.0.5:8222/healthz any page that answers 200 when all is well, as NATS has one
"""
)
@click.argument("place", metavar="ADDR|URL", envvar="PLAIT_ADMIN")
@click.option("--live", is_flag=True, help="Ask whether it lives, not whether it is ready.")
@option.timeout(2.0)
def command(place: str, live: bool, timeout: float) -> None:
    """Ask one node's admin address whether the node is ready; the exit code is 3 when it is not.

    ADDR is as for `plait node --admin`, and may stand in PLAIT_ADMIN.
    """
    import http.client

    host, port, path = _where(place, "/healthz" if live else "/readyz")
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            status, said = answer.status, answer.read(LARGEST).decode(errors="replace").strip()
    except TimeoutError:
        raise CommandError(Exit.TIMED_OUT, f"no answer from {host}:{port} within {timeout:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or "what listens there does not speak HTTP"
        raise CommandError(Exit.UNREACHABLE, f"no answer from {host}:{port}", why=why) from None
    finally:
        connection.close()
    if status != 200:
        raise CommandError(Exit.REFUSED, f"{host}:{port}{path} answers {status}", why=_one_line(said))
    click.echo(_one_line(said))


def _where(place: str, path: str) -> tuple[str, int, str]:
    """Return host, port and path to ask."""
    scheme, found, rest = place.partition("://")
    if found:
        whole = place
        place, slash, page = rest.partition("/")
        if scheme != "http" or not place:
            raise click.UsageError(f"{whole!r} is no http:// URL")
        path = slash + page or path
        if not place.rpartition("]")[2].count(":"):
            place += ":80"
    from ..actors.messages.error import InvalidName
    from ..mesh.options import parse_listen

    try:
        at = parse_listen(place)
    except InvalidName as error:
        raise click.UsageError(str(error)) from None
    return LOCAL.get(at.host, at.host), at.port, path


def _one_line(said: str) -> str:
    from .output import clean

    return clean(said.partition("\n")[0])
