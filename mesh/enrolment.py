"""What a node's membership actor is asked to do, and how it is asked."""

import msgspec

from ..actors.loop.timer import sleep_until
from ..actors.messages.error import MeshError, Refused
from ..actors.messages.instance import Instance
from ..actors.runtime.cell import Cell
from ..actors.runtime.surroundings import Surroundings


class Add(msgspec.Struct, frozen=True):
    """Have an instance join; answered when the registry has it."""

    instance: Instance


class Remove(msgspec.Struct, frozen=True):
    """Have an instance leave; answered when the registry knows, or cannot be asked."""

    id: str


class Fares(msgspec.Struct, frozen=True):
    """Have the registry know how an instance fares, once it has joined; nothing more is said of one that drains."""

    id: str
    health: str
    reason: str = ""


class Weigh(msgspec.Struct, frozen=True):
    """Have the registry know another weight of an instance; refused where the node has no such instance."""

    id: str
    weight: float


class Repeat(msgspec.Struct, frozen=True):
    """The registry does not have the last words of these instances: they are to be said again."""

    ids: tuple[str, ...]


class Again(msgspec.Struct, frozen=True):
    """Instances that the registry does not have, or does not reach any more, are to join anew."""

    ids: tuple[str, ...]


async def tell_registry(membership: Cell, step: Add | Fares | Remove | Weigh, timeout: float) -> None:
    """Have the membership actor take one step with the registry.

    Raises:
        MeshError: the registry refused, or does not answer.
    """
    answer: int | MeshError = await membership.ask(step, timeout)
    if isinstance(answer, MeshError):
        raise answer


async def join(membership: Cell, instance: Instance, surroundings: Surroundings, patience: float = 10.0) -> None:
    """Have an instance join; a registry that cannot take it in just now is asked again, for `patience` seconds.

    Raises:
        Refused: the registry does not take it.
        MeshError: the registry did not answer all that time.
    """
    end = surroundings.clock() + patience
    while True:
        try:
            return await tell_registry(membership, Add(instance), 5.0)
        except Refused:
            raise
        except MeshError:
            if surroundings.clock() >= end:
                raise
        await sleep_until(surroundings.deadlines, surroundings.clock() + 0.1)
