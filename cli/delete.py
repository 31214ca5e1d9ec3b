"""`plait delete`: takes policy documents out of force."""

import click

from . import option
from .kind import kind_of


@click.command(
    epilog="""\b
Examples:
  plait delete VirtualService/reviews
  plait delete vs/reviews dr/reviews
"""
)
@click.argument("named", metavar="KIND/NAME…", nargs=-1, required=True)
@option.timeout(10.0)
@option.connection
def command(named: tuple[str, ...], timeout: float, nats: "option.Where", mesh: str) -> None:
    """Take documents out of force, one after the other; each makes a new revision."""
    from ..mesh.address import find
    from .connection import Visit, check, visit

    pairs = [_pair(one) for one in named]

    async def errand(there: Visit) -> None:
        for kind, name in pairs:
            answer = check(await there.ask("policy.delete", {"kind": kind, "name": name}))
            click.echo(f"revision {answer.get('revision', '-')}: deleted {kind}/{name}")

    visit(find(nats, mesh), errand, limit=timeout)


def _pair(text: str) -> tuple[str, str]:
    kind, _, name = text.partition("/")
    if not kind or not name:
        raise click.UsageError(f"{text!r} is not KIND/NAME")
    return kind_of(kind), name
