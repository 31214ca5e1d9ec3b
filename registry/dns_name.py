"""What a DNS name asks for: a service, perhaps by version and namespace, a node, or a mere part of the tree.

The forms are Consul's, under `plait.`. Only ASCII letters have two cases in DNS (RFC 4343): names are compared as the
bytes that they are, each kept as one character.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple

DOMAIN = b"plait"
"""The domain that the mesh answers for."""

_ANY_TAG = frozenset({"http", "tcp"})  # as a protocol they name no version: every instance speaks it


class Part(enum.Enum):
    """Names that are neither a service's nor a node's."""

    OUTSIDE = "outside"
    """Not under `plait.`."""
    APEX = "apex"
    """`plait.` itself."""
    BRANCH = "branch"
    """It has no records, but names below it have: it exists (RFC 8020)."""
    NOWHERE = "nowhere"
    """No such name can be."""


class ServiceName(NamedTuple):
    """One reading of a service's name."""

    service: str
    """As the registry has it: `reviews`, or `reviews_ns` outside the namespace `default`."""
    tag: str
    """A version or the value of a label, in lower case; empty means every instance."""


class NodeName(NamedTuple):
    """A node's name."""

    node: str


def read(labels: Sequence[bytes]) -> Part | NodeName | tuple[ServiceName, ...]:
    """Return what an absolute name asks for, its last label empty; a service's readings in the order to be tried.

    `a.b.service.plait` may be version `a` of service `b`, or service `a` of namespace `b`.
    """
    *below, end = [label.lower().decode("latin-1") for label in labels[:-1]] or [""]
    if end != DOMAIN.decode():
        return Part.OUTSIDE
    if not below:
        return Part.APEX
    *before, kind = below
    if kind not in ("service", "node"):
        return Part.NOWHERE
    if not before:
        return Part.BRANCH
    if kind == "node":
        return NodeName(before[0]) if len(before) == 1 else Part.NOWHERE
    return _by_protocol(before) if before[0].startswith("_") else _by_tag(before)


def fold(text: str) -> str:
    """Return a version or a label's value as `read` gives a tag that is spelled like it."""
    return text.encode().lower().decode("latin-1")


def _by_tag(before: Sequence[str]) -> Part | tuple[ServiceName, ...]:
    *tags, last = before
    readings = [(last, "default", tags)]
    if tags:
        readings.append((tags[-1], last, tags[:-1]))
    # An underscore parts service and namespace in the registry: in a label it would name another service.
    found = tuple(
        ServiceName(_token(service, space), ".".join(rest))
        for service, space, rest in readings
        if "_" not in service and "_" not in space
    )
    return found or Part.NOWHERE


def _by_protocol(before: Sequence[str]) -> Part | tuple[ServiceName, ...]:
    """RFC 2782: `_service._protocol`, and a namespace where it is not `default`."""
    if len(before) == 1 or (len(before) == 2 and not before[1].startswith("_")):
        return Part.BRANCH
    service, protocol, *rest = before
    space = rest[0] if rest else "default"
    service, tag = service[1:], protocol[1:]
    if len(rest) > 1 or "_" in service or "_" in space or not protocol.startswith("_") or not service or not tag:
        return Part.NOWHERE
    return (ServiceName(_token(service, space), "" if tag in _ANY_TAG else tag),)


def _token(service: str, space: str) -> str:
    return service if space == "default" else f"{service}_{space}"
