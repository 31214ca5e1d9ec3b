"""What proxies in front say of a client: its address and scheme; believed of as many of them as are trusted."""

from collections.abc import Mapping
from typing import NamedTuple

FIELDS = frozenset({"x-forwarded-for", "x-forwarded-proto"})
"""What clients cannot set themselves; without a trusted proxy in front it is dropped."""

_SCHEMES = ("http", "https")


class Client(NamedTuple):
    """Who a request is from."""

    address: str
    """Its IP address, as far as it is known."""
    scheme: str
    """The scheme by which the client itself speaks."""
    chain: str
    """The addresses that the request came by, as `x-forwarded-for` has them."""


def client(peer: str, scheme: str, said: Mapping[str, str], hops: int) -> Client:
    """Return the client of a request that `peer` has sent by `scheme`.

    Args:
        peer: the address at the other end of the connection.
        scheme: how this connection speaks.
        said: the request's fields of `FIELDS`, several of a name joined by commas.
        hops: how many proxies in front are trusted: the address that the outermost of them saw is the client's.
    """
    chain = said.get("x-forwarded-for", "")
    told = said.get("x-forwarded-proto", "")
    addresses = [one.strip() for one in chain.split(",")]
    whole = 0 < hops <= len(addresses)
    address = addresses[-hops] if chain and whole else peer
    # Who came past the outermost proxy, by a shorter chain, may have written the scheme as well.
    believed = told in _SCHEMES and (whole or not chain)
    return Client(address or peer, told if believed else scheme, f"{chain},{peer}" if chain else peer)
