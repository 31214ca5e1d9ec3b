"""`plait weight`: changes an instance's share of the calls while it runs."""

import math
from typing import Any

import click

from . import option
from .exit import CommandError, Exit


class Weight(click.FloatRange):
    """A number from 0 to 10⁹; what is no number is refused, too."""

    name = "weight"

    def __init__(self) -> None:
        super().__init__(0, 1e9)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        weight: float = super().convert(value, param, ctx)
        if math.isnan(weight):
            self.fail(f"{value!r} is no weight", param, ctx)
        return weight


@click.command(
    epilog="""\b
Examples:
  plait weight reviews-v2-06fb2c 2       twice the calls of an instance of weight 1
  plait weight reviews-v2-06fb2c 0       no new calls while others of the service have a weight
  plait ls instances -o wide             the weights as they are
"""
)
@click.argument("instance", metavar="INSTANCE")
@click.argument("weight", metavar="WEIGHT", type=Weight())
@option.timeout(5.0)
@option.connection
def command(instance: str, weight: float, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Give INSTANCE a share of its service's calls in proportion to WEIGHT: all callers heed it at once.

    It holds until it is changed again or the process ends, which begins with what its node was given (`--weight`, 1).
    """
    from ..mesh.address import find
    from .connection import Visit, check, visit
    from .ls import instances
    from .portrait import near

    async def errand(there: Visit) -> None:
        known = {
            str(one.get("id", "")): str(one.get("node", ""))
            for one in instances(check(await there.ask("registry.resolve", {"service": ""})))
        }
        if instance not in known:
            hint = near(instance, list(known)) or "`plait ls instances` shows those it has"
            raise CommandError(Exit.NOT_FOUND, f"the mesh has no instance {instance!r}", hint=hint)
        answer = check(await there.ask(f"weight.{known[instance]}", {"instance": instance, "weight": weight}))
        click.echo(f"{answer.get('instance')} has weight {answer.get('weight', weight):g}")

    visit(find(nats, mesh), errand, limit=timeout)
