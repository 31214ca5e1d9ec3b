"""Binds what resilience did on a node to its metrics: second attempts, budgets, admission, and concurrency limits."""

from ..actors.proxy.concurrency import ConcurrencyLimit
from ..actors.proxy.proxy import Proxy
from ..tracing.metrics import Metrics
from .link import Link


def measure_resilience(metrics: Metrics, link: Link, proxy: Proxy) -> None:
    """Bind them; they are read when somebody looks."""

    def limits() -> list[tuple[str, ConcurrencyLimit]]:
        found = [(name, limit()) for name, limit in link.limits.items()]
        return [(name, one) for name, one in found if one is not None]

    metrics.read_counter(
        "plait_second_attempts",
        "Attempts that began, or were refused, beside one that had lasted too long.",
        ("destination", "outcome"),
        lambda: list(proxy.counts.second_attempts.items()),
    )
    metrics.read_counter(
        "plait_retries_refused",
        "Retries and second attempts that a destination's budget did not allow.",
        ("destination",),
        lambda: [((service,), count) for service, count in proxy.counts.unbudgeted.items()],
    )
    metrics.read_counter(
        "plait_not_admitted",
        "Calls that admission control did not send, as many before them had failed.",
        ("destination",),
        lambda: [((service,), count) for service, count in proxy.counts.not_admitted.items()],
    )
    metrics.read_counter(
        "plait_concurrency_refused",
        "Calls that an instance of this node refused by the concurrency limit that it has found.",
        ("instance",),
        lambda: [((name,), float(limit.refused)) for name, limit in limits()],
    )
    metrics.read_gauge(
        "plait_concurrency_limit",
        "Calls that an instance of this node takes at a time, as it has found.",
        ("instance",),
        lambda: [((name,), limit.gradient.limit) for name, limit in limits()],
    )
