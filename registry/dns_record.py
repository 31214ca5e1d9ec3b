"""What DNS says about instances: the data of their records, and groups of instances behind one name."""

import random
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, ip_address
from typing import NamedTuple

from dns.name import Name
from dns.rdata import Rdata, from_text
from dns.rdataclass import IN
from dns.rdatatype import AAAA, HINFO, NS, SOA, SRV, TXT, A, RdataType
from dns.rdtypes.ANY import TXT as TXT_

from ..actors.messages.health import ROUTABLE
from ..actors.messages.instance import Instance
from .dns_name import DOMAIN

APEX = Name((DOMAIN, b""))
LONGEST = 255
"""Bytes of one string of a TXT record."""

MINIMAL = from_text(IN, HINFO, '"RFC8482" ""')
"""The answer to a question for everything: nothing that is worth asking for by a false address (RFC 8482)."""

_MAILBOX = "hostmaster.plait."
_REFRESH, _RETRY, _EXPIRE = 3600, 600, 86_400  # seconds; for secondary servers, of which there are none


class Group:
    """The healthy instances behind one name. The data of their records is made once, when it is first asked for."""

    __slots__ = ("_data", "_instances", "_locality", "_ports")

    def __init__(self, instances: Iterable[Instance], locality: str, *, ports: bool) -> None:
        """Take the instances that are healthy.

        Args:
            instances: all that stand under the name.
            locality: where the DNS server is; instances of the same one come first.
            ports: whether the name has SRV records: a service has, a node has not.
        """
        self._instances = [one for one in instances if one.health in ROUTABLE]
        self._locality = locality
        self._ports = ports
        self._data: dict[RdataType, tuple[list[Rdata], list[Rdata]]] = {}

    @property
    def nodes(self) -> Iterable[str]:
        """The nodes that the instances run on, each once."""
        return dict.fromkeys(one.node for one in self._instances)

    def draw(self, kind: RdataType, most: int, rng: random.Random) -> list[Rdata]:
        """Return the data of at most `most` records of one type in random order, those of the same locality first."""
        if kind not in _MAKERS:
            return []
        near, far = self._data.get(kind) or self._make(kind)
        found = rng.sample(near, min(most, len(near)))
        return found + rng.sample(far, min(most - len(found), len(far)))

    def _make(self, kind: RdataType) -> tuple[list[Rdata], list[Rdata]]:
        near: dict[Rdata, None] = {}
        far: dict[Rdata, None] = {}
        for one in self._instances if kind != SRV or self._ports else ():
            data = _MAKERS[kind](one)
            if data is not None:
                (near if self._locality and one.locality == self._locality else far)[data] = None
        made = self._data[kind] = list(near), [data for data in far if data not in near]
        return made


class Authority(NamedTuple):
    """Who answers for the domain, as its own records say it."""

    node: str
    """The node that the server runs on."""
    negative: int
    """Seconds that others may remember that something is not there."""

    def soa(self, revision: int) -> Rdata:
        """Return the SOA record's data; its serial is the registry's revision."""
        serial = revision & 0xFFFF_FFFF
        times = f"{_REFRESH} {_RETRY} {_EXPIRE} {self.negative}"
        return from_text(IN, SOA, f"{node_name(self.node)} {_MAILBOX} {serial} {times}")

    def servers(self, group: Group | None) -> list[Rdata]:
        """Return the data of the NS records: the nodes that run a DNS server, at least this one."""
        return [from_text(IN, NS, str(node_name(node))) for node in (group.nodes if group else ()) or (self.node,)]


def node_name(node: str) -> Name:
    """Return a node's name in DNS."""
    return Name((node.encode(), b"node", DOMAIN, b""))


def _address(instance: Instance, kind: RdataType) -> Rdata | None:
    try:
        address = ip_address(instance.address)
    except ValueError:
        return None  # it has not said, or says what no registry lets in
    if isinstance(address, IPv4Address):
        return from_text(IN, A, str(address)) if kind == A else None
    return from_text(IN, AAAA, str(address).partition("%")[0]) if kind == AAAA else None


def _srv(instance: Instance) -> Rdata:
    return from_text(IN, SRV, f"1 1 {instance.port & 0xFFFF} {node_name(instance.node)}")


def _txt(instance: Instance) -> Rdata:
    own = {"id": instance.id, "version": instance.version, "locality": instance.locality}
    said = {**own, **{key: value for key, value in instance.labels.items() if key not in own}}
    return TXT_.TXT(IN, TXT, [f"{key}={value}".encode()[:LONGEST] for key, value in said.items() if value])


_MAKERS: dict[RdataType, Callable[[Instance], Rdata | None]] = {
    A: lambda instance: _address(instance, A),
    AAAA: lambda instance: _address(instance, AAAA),
    SRV: _srv,
    TXT: _txt,
}
