"""Counts the calls that one instance was sent, by who called: the destination's side of Istio's metrics."""

from collections.abc import Callable, Mapping

from ..actors.messages.cause import CAUSES
from ..actors.messages.envelope import CallFrame, ReplyFrame
from ..actors.messages.error import Cancelled
from ..actors.messages.instance import Instance
from ..actors.proxy.event import EVENT
from ..gateway.translate import status_of
from ..tracing.calls import Calls, Side, Way
from ..tracing.metrics import Metrics

_CALLERS = 10_000
"""Callers whose counts are found at once; they name themselves, so that there may be no end to them."""


class Arrived:
    """Bound once per caller; a caller that the registry does not vouch for is `unknown`."""

    def __init__(
        self,
        metrics: Metrics,
        instance: Instance,
        instances: Callable[[], Mapping[str, Instance]],
        clock: Callable[[], float],
    ) -> None:
        """`instances` gives those of the registry by `service.id`."""
        self._metrics = metrics
        self._side = Side(instance.service, instance.version)
        self._instances = instances
        self._clock = clock
        self._bound: dict[tuple[bytes, str], Calls] = {}

    def ended(self, caller: bytes, frame: CallFrame, reply: ReplyFrame | None, began: float) -> None:
        """Count one call; see `Arrivals`."""
        calls = self._bound.get((caller, frame.source)) or self._calls(caller, frame)
        seconds = self._clock() - began if began else 0.0
        if reply is None:  # Istio's word for a caller that is gone: status 0
            calls.observe(0, Cancelled.cause, seconds, len(frame.body), 0, frame.traceparent)
            return
        cause = reply.cause
        status = status_of(CAUSES[cause]) if cause in CAUSES else reply.status
        calls.observe(status, cause, seconds, len(frame.body), len(reply.body), frame.traceparent)

    def _calls(self, caller: bytes, frame: CallFrame) -> Calls:
        # Within a node no subject proves who calls, nor need it.
        name = caller.decode("ascii", "replace") or (frame.chain[-1] if frame.chain else "")
        known = self._instances().get(f"{frame.source}.{name}")
        source = Side() if known is None else Side(known.service, known.version)
        protocol = "event" if frame.method == EVENT else "http"
        calls = self._metrics.calls(Way("destination", source, self._side, protocol=protocol))
        if known is not None and len(self._bound) < _CALLERS:  # the registry may yet tell of the others
            self._bound[caller, frame.source] = calls
        return calls
