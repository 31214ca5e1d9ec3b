"""Consistent hashing: the key of a call leads to an instance, the same at every caller, while its members stay.

Members are all known instances, whatever their health: who fails its checks loses its keys to those next in order, and
has them again when it is back. A call without a key goes to any instance.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import xxhash

from ..messages.error import NoEndpoints
from ..messages.hashing import ConsistentHash, HashSource
from ..routing.matcher import header, parameter
from .call import Call
from .cookie import cookie, fresh, set_cookie
from .endpoint import Endpoint
from .ring import Places, Ring

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

    def __init__(self, policy: ConsistentHash, rng: random.Random) -> None:
        self.policy = policy
        self._key = key_of(policy, rng)
        self._places: Places = Ring(policy.minimum_ring)
        self._routable: dict[str, Endpoint] = {}

    def follow(self, members: Iterable[Endpoint], routable: Iterable[Endpoint]) -> None:
        """Have these members from now on, of whom those that are `routable` may be called."""
        self._places.follow([one.id for one in members])
        self._routable = {one.id: one for one in routable}

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
            raise NoEndpoints
        found = self._places.find(number, self._routable, avoided)
        if found is None and avoided:
            found = self._places.find(number, self._routable, ())
        return unhashed.pick(avoided) if found is None else found


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


def _source(call: Call) -> str:
    return call.client or call.caller.name
