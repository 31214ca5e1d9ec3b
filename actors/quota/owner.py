"""Which quota actor a limit belongs to: the same on every node that knows the same nodes, by rendezvous hashing."""

from collections.abc import Iterable
from hashlib import blake2b

NAME = "quota"
"""The quota actor's place in its node."""


def owner(limit: str, nodes: Iterable[str]) -> str:
    """Return the address of the actor that shares out `limit`; empty where there is none."""
    chosen = max(nodes, key=lambda node: blake2b(f"{node}|{limit}".encode(), digest_size=8).digest(), default="")
    return f"{chosen}/{NAME}" if chosen else ""
