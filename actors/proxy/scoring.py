"""Keeps the health scores of a node's endpoints: looks once a second at the services that are called, at no others."""

from collections.abc import Callable, Mapping

from ..loop.slice import Slices, Steps
from ..loop.timer import Deadlines
from .endpoint import Endpoint
from .health_score import saturation, score, typical_latency
from .tally import TURN

STEP = 0.05
"""A score that has changed by less stays as it was: who reads it is not to be roused by noise."""
_WELL = 0.99
"""From here on a score is 1: the past fades without end."""
_FADED = 0.1
"""Attempts of late below which nothing more is expected of an instance's past."""
_CHUNK = 100
"""Endpoints that are scored without a rest between."""


class Scoring:
    """One node's."""

    def __init__(
        self,
        deadlines: Deadlines,
        clock: Callable[[], float],
        services: Callable[[], Mapping[str, Mapping[str, Endpoint]]],
        changed: Callable[[str], object],
        slices: Slices,
    ) -> None:
        """`services` gives the endpoints by service and id; `changed` hears of a service with other scores."""
        self._deadlines = deadlines
        self._clock = clock
        self._services = services
        self._changed = changed
        self._slices = slices
        self._due: dict[str, None] = {}
        self._armed = False

    def noted(self, endpoint: Endpoint) -> None:
        """Look at the service of this endpoint within a second: there is something new of it."""
        self._due[endpoint.instance.service] = None
        self._arm()

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self._deadlines.at(self._clock() + TURN, self._look)

    def _look(self) -> None:
        due, self._due = self._due, {}
        self._slices.start(self._all(tuple(due)), self._looked)

    def _looked(self, result: Exception | None) -> None:
        self._armed = False
        if self._due:
            self._arm()
        if result is not None:
            raise result

    def _all(self, due: tuple[str, ...]) -> Steps[None]:
        for service in due:
            yield from self._service(service)

    def _service(self, service: str) -> Steps[None]:
        known = tuple(self._services().get(service, {}).values())
        now, typical = self._clock(), typical_latency(known)
        moved = unsettled = False
        for place, one in enumerate(known):
            tally = one.tally
            if tally.turned and now - tally.turned >= TURN:
                tally.turn(now)
            room = saturation(one.load, now - one.loaded_at)
            found = score(tally.recent, tally.recent_failures, tally.latency, typical, room)
            found = 1.0 if found >= _WELL else found
            if found != one.score and (abs(found - one.score) >= STEP or found == 1.0):
                one.score, moved = found, True
            unsettled = unsettled or one.score < 1.0 or tally.recent > _FADED
            if place % _CHUNK == _CHUNK - 1:
                yield
        if unsettled:
            self._due[service] = None
        if moved:
            self._changed(service)
        yield
