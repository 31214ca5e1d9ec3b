"""Which instances answer so much less well than their peers that it is no chance."""

from collections.abc import Mapping
from math import sqrt
from typing import TypeVar

from ..messages.traffic import Outlier

T = TypeVar("T")


def stragglers(policy: Outlier, counts: Mapping[T, tuple[int, int]]) -> dict[T, str]:
    """Return those whose success rate is too low, with why, given (well, failed) of each in one interval.

    Too low is below the mean minus so many standard deviations, as in Envoy, *and* below the mean by an absolute gap:
    of five, the one that differs is always 2 standard deviations away, be it by a thousandth.
    """
    rates = {
        one: 100.0 * well / (well + failed)
        for one, (well, failed) in counts.items()
        if well + failed >= max(1, policy.success_rate_requests)
    }
    if not policy.success_rate_hosts or len(rates) < policy.success_rate_hosts:
        return {}
    mean = sum(rates.values()) / len(rates)
    deviation = sqrt(sum((rate - mean) ** 2 for rate in rates.values()) / len(rates))
    bound = mean - max(policy.success_rate_deviations * deviation, policy.success_rate_gap)
    return {
        one: f"{rate:.1f} % of its answers were good, {mean:.1f} % on average"
        for one, rate in rates.items()
        if rate < bound
    }


def failing(policy: Outlier, counts: Mapping[T, tuple[int, int]]) -> dict[T, str]:
    """Return those of whose calls too large a share failed, with why, given (well, failed) of each in one interval."""
    enough = {
        one: pair for one, pair in counts.items() if pair[0] + pair[1] >= max(1, policy.failure_percentage_requests)
    }
    if not policy.failure_percentage or len(enough) < policy.failure_percentage_hosts:
        return {}
    found = {one: 100.0 * failed / (well + failed) for one, (well, failed) in enough.items()}
    return {
        one: f"{share:.1f} % of its calls failed" for one, share in found.items() if share >= policy.failure_percentage
    }
