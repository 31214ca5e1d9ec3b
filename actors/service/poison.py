"""Events that cannot be read: counted, logged, and laid out on the dead-letter subject for people to look at."""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from ...tracing.context import trace_id
from ...tracing.log import OncePer
from ..messages.envelope import CallFrame
from ..messages.error import MeshError

if TYPE_CHECKING:
    from .service import Service

log = logging.getLogger("plait.service")

BODY = 4096
"""Bytes of an event's body that its dead letter shows."""

RATE = 10
"""Dead letters of one instance in a second; the rest are only counted."""


class DeadLetter(msgspec.Struct, frozen=True):
    """What `dlq.<service>.<instance>` says of one event, as JSON."""

    topic: str
    group: str
    reason: str
    size: int
    """Bytes of the whole body."""
    body: str
    """Its first 4 KiB, as text; what is no UTF-8 is replaced."""
    source: str
    """The emitting service, as it says."""
    trace: str


class Poison:
    """What one instance could not read."""

    def __init__(self) -> None:
        self.count = 0
        """All of them since the instance began."""
        self._noise: OncePer | None = None
        self._second = float("-inf")
        self._told = 0

    def take(self, service: "Service", frame: CallFrame, error: Exception) -> None:
        """Note an event that `service` could not read."""
        self.count += 1
        clock = service.surroundings.clock
        if self._noise is None:
            self._noise = OncePer(log, clock=clock)
        instance = service.hosting.instance
        self._noise(
            frame.path, logging.WARNING, "%s cannot read an event %s: %s", instance.id, frame.path, error
        )  # fmt: skip
        now = clock()
        if now >= self._second + 1.0:
            self._second, self._told = now, 0
        self._told += 1
        if self._told > RATE:
            return
        body = frame.body[:BODY].decode("utf-8", "replace")
        letter = DeadLetter(
            frame.path, frame.subset, str(error), len(frame.body), body, frame.source, trace_id(frame.traceparent)
        )
        wire = service.hosting.proxy.wire
        with suppress(MeshError):  # no bus, or no room on it: it is in the log and in the count
            wire.bus.publish(wire.subjects.dead_letter(instance.service, instance.id), msgspec.json.encode(letter))
