"""`plait delete`: takes policy documents out of force."""

import click

from . import option
from .kind import kind_of


@click.command(
    epilog="""\b
Examples:
  plait delete VirtualService/reviews
  plait delete vs/reviews dr/reviews
  plait delete vs/shop/cart --dry-run          VirtualService cart of the namespace shop
"""
)
@click.argument("named", metavar="KIND/NAME…", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Also what others still refer to; they are named as warnings.")
@option.changes
@option.timeout(15.0)
@option.connection
def command(
    named: tuple[str, ...], force: bool, wait: bool, dry_run: bool, timeout: float, nats: "option.Where", mesh: str
) -> None:
    """Take documents out of force: all of them, or none.

    What other documents still refer to stays, and each of those is named (exit code 3), unless it is forced.
    """
    from ..mesh.address import find
    from .connection import Visit, visit
    from .publish import converge, headers, tell

    items = [_item(one) for one in named]
    question = {"items": items, **({"force": True} if force else {})}

    async def errand(there: Visit) -> None:
        answer = await there.ask("policy.delete", question, headers=headers(wait=wait, dry_run=dry_run))
        tell(answer, dry_run=dry_run)
        if wait and not dry_run:
            await converge(there, answer)

    visit(find(nats, mesh), errand, limit=timeout)


def _item(text: str) -> dict[str, str]:
    kind, _, name = text.partition("/")
    if not kind or not name:
        raise click.UsageError(f"{text!r} is not KIND/NAME")
    return {"kind": kind_of(kind), "name": name}
