"""A node's roles as they stand in the registry: announced, heard of, and taken out again."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from ..actors.messages.error import DeadlineExceeded, MeshError
from .enrolment import Remove, join, tell_registry
from .options import NodeOptions
from .resident import Place

log = logging.getLogger("plait.node")

LIMIT = 5.0
"""Seconds in which the registry must have told the node of what it has itself announced."""


class Presence:
    """One node's."""

    def __init__(self) -> None:
        self.own: dict[str, str] = {}
        """Roles that stand in the registry, by the instances that stand for them."""
        self._place: Place | None = None

    async def announce(self, names: Sequence[str], place: Place, options: NodeOptions) -> None:
        """Have roles join.

        Raises:
            MeshError: the registry does not take one, or cannot be asked.
        """
        self._place = place
        if not names:
            return
        from . import roles  # a node of services alone starts in two thirds of the time without them

        for role in names:
            instance = roles.role_instance(role, place, options)
            await join(place.membership, instance, place.link.surroundings)
            self.own[instance.id] = role

    async def heard(self, others: Iterable[str] = ()) -> None:
        """Wait until this node itself has heard of its roles and `others`: whoever is told `ready` may call them.

        Raises:
            DeadlineExceeded: the registry did not tell of them.
        """
        assert self._place is not None
        wanted, place = {*others, *self.own}, self._place
        clock = place.link.surroundings.clock
        end = clock() + LIMIT
        while not wanted <= {instance.id for instance in place.proxy.instances.values()}:
            if clock() > end:
                raise DeadlineExceeded(f"the registry did not tell of this node's instances within {LIMIT:g} s")
            await asyncio.sleep(0.005)

    async def leave(self, roles: Sequence[str] | None = None) -> None:
        """Take roles out, all of them where none is named; without a registry there is nobody to tell."""
        for name, role in list(self.own.items()):
            if self._place is not None and (roles is None or role in roles):
                del self.own[name]
                try:
                    await tell_registry(self._place.membership, Remove(name), 2.0)
                except MeshError as error:
                    log.debug("%s leaves without a word: %s", name, error)
