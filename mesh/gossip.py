"""Gives a node its voice in outlier detection: it tells and hears by the connection that is not for calls."""

from ..actors.proxy.gossip import Gossip
from ..actors.proxy.proxy import Proxy
from .link import Link
from .telemetry import Telemetry


def gossip(link: Link, proxy: Proxy, telemetry: Telemetry) -> Gossip:
    """Return the gossip of a node, begun."""
    found = Gossip(
        proxy.hearing,
        proxy.directory.services,
        link.control,
        link.subjects,
        link.node,
        link.rng,
        member=proxy.member,
        undecodable=telemetry.undecodable,
    )
    found.open()
    return found
