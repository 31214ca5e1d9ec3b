"""Reports of load: what is believed of them, and how near to its limit an instance is by them."""

import math

import pytest

from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.load import LONGEST_METRIC, MOST_METRICS, LoadReport, believable

GOOD = LoadReport(3, 4, 0.5, 120.25, 1.5, 0.002, 256, 0.75, {"gpu": 0.5, "celsius": -3.0})


def test_a_report_within_its_bounds_is_believed_also_after_the_wire():
    assert believable(LoadReport())
    assert believable(Codec[LoadReport](LoadReport).decode(encode(GOOD)))


@pytest.mark.parametrize("field", ["active", "queued", "utilization", "rate", "errors", "queue_time", "application"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_no_figure_is_believed_that_cannot_be(field, value):
    fields = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    assert not believable(LoadReport(**{**fields, field: value}))


@pytest.mark.parametrize("field", ["utilization", "application"])
def test_no_share_above_one_is_believed(field):
    assert not believable(LoadReport(**{field: 1.0001}))
    assert believable(LoadReport(**{field: 1.0}))


def test_figures_of_its_own_are_finite_few_and_have_short_names():
    assert not believable(LoadReport(metrics={"x": math.nan}))
    assert not believable(LoadReport(metrics={str(n): 1.0 for n in range(MOST_METRICS + 1)}))
    assert not believable(LoadReport(metrics={"x" * (LONGEST_METRIC + 1): 1.0}))


def test_what_its_own_code_says_stands_in_the_place_of_its_loop():
    assert LoadReport(utilization=0.9).busy == 0.9
    assert LoadReport(utilization=0.9, application=0.2).busy == 0.2


def test_saturation_is_that_of_the_narrowest_place():
    assert LoadReport(utilization=0.3, active=1, capacity=10).saturation == 0.3
    assert LoadReport(utilization=0.3, active=9, capacity=10).saturation == 0.9
    assert LoadReport(active=20, queued=5, capacity=10).saturation == 1.0
    assert LoadReport(utilization=0.3, active=9, capacity=10, application=0.95).saturation == 0.95
    assert LoadReport(active=1_000_000, capacity=0).saturation == 0.0
