"""What an instance reports of itself: rates, queue time, its own figures, and one report for a tenth of a second."""

import math

import pytest

from plait.actors.messages.load import MOST_METRICS, believable
from plait.actors.proxy.meter import Meter


def run(meter, seconds, requests=0, failures=0, waited=0.0, start=100.0, step=0.25):
    """Let so many come each second; return the last report."""
    report = meter.report(start, 0, 0, 8, 0.0)
    for turn in range(1, round(seconds / step) + 1):
        meter.requests += round(requests * step)
        meter.failures += round(failures * step)
        report = meter.report(start + turn * step, 2, 1, 8, waited * step * turn)
    return report


def test_rates_come_to_what_comes_per_second():
    report = run(Meter(lambda: 0.5), 6.0, requests=80, failures=8)
    assert report.rate == pytest.approx(80, rel=0.01)
    assert report.errors == pytest.approx(8, rel=0.01)
    assert (report.active, report.queued, report.capacity, report.utilization) == (2, 1, 8, 0.5)


def test_queue_time_is_that_of_the_requests_of_the_last_moment():
    meter = Meter()
    assert run(meter, 2.0, requests=80, waited=0.8).queue_time == pytest.approx(0.01)
    assert meter.report(200.0, 0, 0, 8, 1.6).queue_time == 0.0


def test_a_report_stands_for_a_tenth_of_a_second():
    meter = Meter()
    first = meter.report(100.0, 1, 0, 8, 0.0)
    assert meter.report(100.09, 7, 3, 8, 0.0) is first
    assert meter.report(100.11, 7, 3, 8, 0.0).active == 7


def test_what_its_own_code_says_is_in_the_next_report_and_can_be_taken_back():
    meter = Meter()
    meter.report(100.0, 0, 0, 8, 0.0)
    meter.say(0.7, {"gpu": 0.25, "depth": 12})
    report = meter.report(100.01, 0, 0, 8, 0.0)
    assert (report.application, report.metrics) == (0.7, {"gpu": 0.25, "depth": 12.0})
    meter.say(0.0, {"gpu": None})
    report = meter.report(100.02, 0, 0, 8, 0.0)
    assert (report.application, report.metrics) == (0.0, {"depth": 12.0})
    assert believable(report)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, math.inf])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="utilization is a share from 0 to 1"):
        Meter().say(share, {})


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"x": math.nan}, "x is no number"),
        ({"x" * 65: 1.0}, "1 to 64 characters"),
        ({str(n): 1.0 for n in range(MOST_METRICS + 1)}, "at most 16"),
    ],
)
def test_figures_that_nobody_could_use_are_refused_and_nothing_changes(figures, why):
    meter = Meter()
    meter.say(0.5, {"gpu": 0.25})
    with pytest.raises(ValueError, match=why):
        meter.say(0.9, figures)
    report = meter.report(100.0, 0, 0, 8, 0.0)
    assert (report.application, report.metrics) == (0.5, {"gpu": 0.25})
