"""`plait apply`: publishes a policy bundle."""

import click

from . import option


@click.command(
    epilog="""\b
Examples:
  plait apply -f reviews-v3.yaml
  plait apply -f policies/ --dry-run
  plait get -o yaml | plait apply -f -
  plait apply -f policies/ --first       the rules that a new mesh begins with; changes no mesh that has some
"""
)
@click.option(
    "-f", "--file", "files", metavar="FILE|DIR|-", multiple=True, required=True, help="What to apply; may be repeated."
)
@click.option("--first", is_flag=True, help="Do nothing where the mesh has had policy before.")
@option.changes
@option.timeout(15.0)
@option.connection
def command(
    files: tuple[str, ...], first: bool, wait: bool, dry_run: bool, timeout: float, nats: "option.Where", mesh: str
) -> None:
    """Publish policy: all files are one bundle, accepted or refused as a whole.

    A refused bundle changes nothing; each reason is told with its file and line, and the exit code is 3. With
    --wait, which is the default, it ends when every node decides by the new revision: 7 where that takes too long.
    """
    from ..mesh.address import find
    from .bundle import read
    from .connection import Visit, check, visit
    from .publish import converge, headers, publish, tell

    bundle = read(files)

    async def errand(there: Visit) -> None:
        if first and (revision := check(await there.ask("policy.get", {})).get("revision")):
            click.echo(f"revision {revision} is in force already; nothing was changed")
            return
        answer = await publish(there, bundle.text.encode(), headers(wait=wait, dry_run=dry_run))
        tell(answer, bundle, dry_run=dry_run)
        if wait and not dry_run:
            await converge(there, answer)

    visit(find(nats, mesh), errand, limit=timeout)
