"""Quantiles of latencies against sorted lists of the same."""

import random
from math import ceil

import pytest

from plait.actors.proxy.latency import MOST, Latency


def filled(values):
    latency = Latency()
    for value in values:
        latency.add(value)
    return latency


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_a_quantile_is_right_to_a_fifth_and_never_too_short(share, seed):
    rng = random.Random(seed)
    values = [rng.lognormvariate(-5.0, 1.0) for _ in range(1500)]
    found, exact = filled(values).quantile(share), sorted(values)[ceil(share * len(values)) - 1]
    assert exact <= found <= 1.2 * exact


@pytest.mark.parametrize(("seconds", "least", "most"), [(0.0, 0, 0.0001), (1e-9, 0, 0.0001), (1e9, 80.0, 130.0)])
def test_absurd_times_have_their_place(seconds, least, most):
    assert least <= filled([seconds]).quantile(0.99) <= most


def test_without_answers_there_is_no_quantile():
    assert Latency().quantile(0.99) == 0.0


def test_what_comes_now_counts_more_than_what_was():
    latency = filled([0.001] * 10 * MOST)
    assert latency.total < MOST
    for _ in range(MOST):
        latency.add(0.1)
    assert latency.quantile(0.5) >= 0.1
