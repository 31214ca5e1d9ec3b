"""`plait rollback`: goes back to what stood after an earlier revision."""

import click

from . import option


@click.command(
    epilog="""\b
Examples:
  plait history
  plait rollback 7
  plait rollback 7 --dry-run         only says what would change
"""
)
@click.argument("revision", type=click.IntRange(min=0))
@option.changes
@option.timeout(15.0)
@option.connection
def command(revision: int, wait: bool, dry_run: bool, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Let what stood after REVISION stand again, as a new revision; 0 is before the first."""
    from ..mesh.address import find
    from .connection import Visit, visit
    from .publish import converge, headers, tell

    async def errand(there: Visit) -> None:
        said = headers(wait=wait, dry_run=dry_run)
        answer = await there.ask("policy.rollback", {"revision": revision}, headers=said)
        tell(answer, dry_run=dry_run)
        if wait and not dry_run:
            await converge(there, answer)

    visit(find(nats, mesh), errand, limit=timeout)
