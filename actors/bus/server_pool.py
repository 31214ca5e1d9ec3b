"""The servers that one connection may use: those it was given, and those that the cluster tells of."""

import random
from collections.abc import Sequence
from ipaddress import ip_address

from ..messages.error import BusUnavailable
from .address import Address, address, shown


class ServerPool:
    """One connection's servers."""

    def __init__(self, given: Sequence[Address], rng: random.Random) -> None:
        self._given = tuple(given)
        self._learnt: tuple[Address, ...] = ()
        self._rng = rng

    def __str__(self) -> str:
        """Name those that were given, without secrets."""
        return shown(self._given)

    def __len__(self) -> int:
        return len(self._given) + len(self._learnt)

    def learn(self, places: Sequence[str], source: Address) -> None:
        """Take over what the server at `source` says of its cluster: `host:port` of every member that takes clients.

        The members are logged in to as `source` is. A list of none says nothing.
        """
        if not places:
            return
        known = {one.place for one in self._given}
        found: dict[tuple[str, int], Address] = {}
        for place in places:
            try:
                one = address(place)
            except BusUnavailable:
                continue
            if "://" not in place and one.place not in known:
                found[one.place] = source._replace(host=one.host, port=one.port, certified=_name(one, source))
        self._learnt = tuple(found.values())

    def order(self, last: Address | None = None) -> list[Address]:
        """Return all servers as they are to be tried: by chance, so that clients spread; the `last` one at last."""
        servers = [*self._given, *self._learnt]
        self._rng.shuffle(servers)
        return sorted(servers, key=lambda one: last is not None and one.place == last.place)

    def others(self, current: Address) -> list[Address]:
        """Return all servers but the current one, by chance."""
        return [one for one in self.order() if one.place != current.place]


def _name(one: Address, source: Address) -> str:
    """An IP address that a cluster tells of is certified by the name that the cluster was found by."""
    if not _is_ip(one.host):
        return ""
    return source.certified or ("" if _is_ip(source.host) else source.host)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
