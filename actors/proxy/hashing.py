"""Consistent hashing: the key of a call leads to an instance, the same at every caller, while its members stay.

Members are all known instances, whatever their health: who fails its checks loses its keys to those next in order, and
has them again when it is back. A call without a key goes to any instance.
"""

import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import xxhash

from ..balancing.bounded import Full
from ..loop.slice import Slices, Steps, at_once
from ..messages.hashing import ConsistentHash, HashSource
from ..messages.resilience import Balancing
from ..routing.matcher import header, parameter
from .ahead import Members, Placed, members_of, places_of, put, shape
from .call import Call
from .cookie import cookie, fresh, set_cookie
from .endpoint import Endpoint
from .leveled import Leveled

log = logging.getLogger("plait.hashing")

Key = Callable[[Call], str | None]


class Unhashed(Protocol):
    """Picks for calls that have no key."""

    def pick(self, tried: Sequence[Endpoint]) -> Endpoint:
        """Return an endpoint, one that was not tried where there is one.

        Raises:
            NoEndpoints: there is none.
        """
        ...


class Hashing:
    """The hashing of one cluster."""

    def __init__(
        self,
        policy: ConsistentHash,
        rng: random.Random,
        slices: Slices | None = None,
        made: Placed | None = None,
        balancing: Balancing | None = None,
    ) -> None:
        """Begin with the places that were `made` ahead, or with none.

        Without `slices` every change of members is worked in at once, however long that takes.
        """
        self.policy = policy
        self._rng = rng
        self._key = key_of(policy, rng)
        self._slices = slices
        self.shape = shape(policy, balancing)
        """What its places depend on besides their members."""
        self._bound = balancing.bound if balancing is not None else 0.0
        self._ready = made is not None
        """Whether places were ever made: before, the few that have some already would get all calls."""
        self._places, self._placed = made or Placed(places_of(self.shape), ())
        """Places, and the members that were worked in last."""
        self._routable: dict[str, Endpoint] = {}
        self._leveled: Leveled | None = None
        self._levels: list[dict[str, Endpoint]] = []
        self._members: Members = ()
        self._working = False

    def use(self, policy: ConsistentHash, balancing: Balancing | None = None) -> None:
        """Read keys in another way; the places stay, so it must be of the same shape."""
        self._bound = balancing.bound if balancing is not None else 0.0
        if policy != self.policy:
            self.policy = policy
            self._key = key_of(policy, self._rng)

    def follow(self, members: Iterable[Endpoint], routable: Iterable[Endpoint], leveled: Leveled | None = None) -> None:
        """Have these members from now on, of whom those that are `routable` may be called; many are worked in soon.

        Where there are levels a key belongs to one of them, by their shares, and leads to an instance there.
        """
        self._members = members_of(members)
        self._routable = {one.id: one for one in routable}
        self._leveled = leveled
        levels = () if leveled is None else leveled.levels
        self._levels = [{one.id: one for one in level.endpoints} for level in levels]
        if self._working or self._members == self._placed:
            return  # what is at work goes on until it has the newest
        self._working = True
        if self._slices is None:
            at_once(self._catch_up())
        else:
            self._slices.start(self._catch_up(), _worked)

    def _catch_up(self) -> Steps[None]:
        try:
            while self._placed != self._members:
                members = self._members
                yield from put(members, self._places)
                self._placed, self._ready = members, True
        finally:
            self._working = False

    def pick(self, call: Call, avoided: Sequence[Endpoint], unhashed: Unhashed) -> Endpoint:
        """Return the endpoint that the call's key leads to, the next in order of those that are not `avoided`.

        Raises:
            NoEndpoints: the destination has none.
        """
        key = self._key(call)
        if key is None:
            return unhashed.pick(avoided)
        number = xxhash.xxh64_intdigest(key.encode("utf-8", "surrogatepass"))
        if not self._routable:
            return unhashed.pick(avoided)  # which knows why there is nobody
        if not self._ready:
            return unhashed.pick(avoided)
        found = None
        if self._leveled is not None:
            found = self._find(number, self._levels[self._leveled.of_key(number)], avoided)
        if found is None:
            found = self._find(number, self._routable, avoided)
        if found is None and avoided:
            found = self._find(number, self._routable, ())
        return unhashed.pick(avoided) if found is None else found

    def _find(self, number: int, routable: Mapping[str, Endpoint], avoided: Sequence[Endpoint]) -> Endpoint | None:
        """Return whom a hash leads to, within the bound where there is one; None where nobody is left."""
        if len(avoided) >= len(routable) and all(one in avoided for one in routable.values()):
            return None  # without a look at every place
        found = self._places.find(number, routable, avoided)
        if self._bound and found is not None and found.active:
            # As this looks at everybody, only where it may matter: who has nothing in hand always has room.
            full = Full(routable.values(), self._bound, avoided)
            if found in full:
                return self._places.find(number, routable, full) or found
        return found


def key_of(policy: ConsistentHash, rng: random.Random) -> Key:
    """Return what reads the key of a call, None where it has none; `rng` makes the values of cookies."""
    if policy.source is HashSource.HEADER:
        return header(policy.name)
    if policy.source is HashSource.QUERY:
        return parameter(policy.name)
    if policy.source is HashSource.SOURCE_IP:
        return _source
    name, makes = policy.name, policy.ttl is not None

    def look(call: Call) -> str | None:
        value = cookie(call.headers, name) or call.cookie
        if not value and makes and call.client:  # inside the mesh there is no browser to keep it
            value = call.cookie = fresh(rng)
            call.set_cookie = set_cookie(policy, value)
        return value or None

    return look


def _worked(outcome: Exception | None) -> None:
    if outcome is not None:
        log.error("the members of a hashed destination stay as they were", exc_info=outcome)


def _source(call: Call) -> str:
    return call.client or call.caller.name
