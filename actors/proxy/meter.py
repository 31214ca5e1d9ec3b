"""What one instance reports of its own load: counted call by call, summed up at most ten times a second."""

from collections.abc import Callable
from math import exp, isfinite

from ..messages.load import LONGEST_METRIC, MOST_METRICS, LoadReport

WINDOW = 0.1
"""Seconds for which a report stands; a caller hears of each at most once."""
SMOOTH = 1.0
"""Seconds after which the requests before count for little (1/e) in the rates."""


class Meter:
    """One instance's. Whoever takes its calls counts in `requests` and `failures`; its own code adds what it says."""

    __slots__ = (
        "_began",
        "_errors",
        "_failures",
        "_metrics",
        "_queue_time",
        "_rate",
        "_report",
        "_requests",
        "_waited",
        "application",
        "busy",
        "failures",
        "requests",
    )

    def __init__(self, busy: Callable[[], float] = lambda: 0.0) -> None:
        """`busy` gives the share of its event loop that is busy, 0 to 1."""
        self.busy = busy
        self.requests = 0
        """Calls that have come."""
        self.failures = 0
        """Calls whose answer was a failure (5xx, or none)."""
        self.application = 0.0
        self._metrics: dict[str, float] = {}
        self._report: LoadReport | None = None
        self._began = self._rate = self._errors = self._queue_time = self._waited = 0.0
        self._requests = self._failures = 0

    def say(self, utilization: float | None, metrics: dict[str, float | None]) -> None:
        """Take in what the instance's own code says, until it says something else; None takes a figure back.

        Raises:
            ValueError: a figure is none, or there are too many.
        """
        if utilization is not None and not 0.0 <= utilization <= 1.0:
            raise ValueError(f"utilization is a share from 0 to 1, not {utilization!r}")
        kept = {**self._metrics, **metrics}
        told = {name: float(value) for name, value in kept.items() if value is not None}
        for name, value in told.items():
            if not isfinite(value):
                raise ValueError(f"{name} is no number that can be reported: {value!r}")
            if not 0 < len(name) <= LONGEST_METRIC:
                raise ValueError(f"a figure's name has 1 to {LONGEST_METRIC} characters: {name[:80]!r}")
        if len(told) > MOST_METRICS:
            raise ValueError(f"an instance reports at most {MOST_METRICS} figures of its own, not {len(told)}")
        if utilization is not None:
            self.application = utilization
        self._metrics = told
        self._report = None

    def report(self, now: float, active: int, queued: int, capacity: int, waited: float) -> LoadReport:
        """Return how busy the instance is, the same report for a tenth of a second.

        Args:
            now: monotonic seconds.
            active: calls in the hands of its handlers.
            queued: calls that wait for one.
            capacity: calls that it handles at a time.
            waited: seconds that all calls so far have waited, together.
        """
        passed = now - self._began if self._began else 0.0
        if not self._began:
            self._began = now
        if passed >= WINDOW:
            came, failed = self.requests - self._requests, self.failures - self._failures
            part = 1.0 - exp(-passed / SMOOTH)
            self._rate += (came / passed - self._rate) * part
            self._errors += (failed / passed - self._errors) * part
            self._queue_time = (waited - self._waited) / came if came else 0.0
            self._began, self._requests, self._failures, self._waited = now, self.requests, self.failures, waited
            self._report = None
        report = self._report
        if report is None:
            report = self._report = LoadReport(
                active,
                queued,
                round(self.busy(), 4),
                round(self._rate, 3),
                round(self._errors, 3),
                round(self._queue_time, 6),
                capacity,
                self.application,
                self._metrics,
            )
        return report
