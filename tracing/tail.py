"""Which spans are kept although their request was not sampled: of what failed or was slow, so many a second.

Nothing is taken down while such a request runs; when a call has ended badly its span is made up from what is known
then. It goes to the mesh's own store alone: a collector gets whole traces or none.
"""

from collections.abc import Callable

from opentelemetry.sdk.trace import SpanProcessor

RATE = 50
"""Spans a second of one node: when everything fails it is enough to see some of it."""


class Tail:
    """One node's."""

    __slots__ = ("_clock", "_left", "_until", "dropped", "exporter")

    def __init__(self, exporter: SpanProcessor, clock: Callable[[], float]) -> None:
        """Hand such spans to `exporter`; `clock` gives monotonic seconds."""
        self.exporter = exporter
        self.dropped = 0
        """Spans that were one too many in their second."""
        self._clock = clock
        self._until = 0.0
        self._left = 0

    def admits(self) -> bool:
        """Return whether one more is kept."""
        now = self._clock()
        if now >= self._until:
            self._until, self._left = now + 1.0, RATE
        if not self._left:
            self.dropped += 1
            return False
        self._left -= 1
        return True
