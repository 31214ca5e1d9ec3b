"""What a call falls back on, word by word."""

import pytest

from plait.actors.messages import error as errors
from plait.actors.routing.fall_on import ALL, CODES, CONDITIONS, FallOn

SAMPLES = {
    errors.NoEndpoints(): {"5xx", "gateway-error", "unavailable", "no-endpoints"},
    errors.InstanceGone(): {"5xx", "gateway-error", "unavailable"},
    errors.BusUnavailable(): {"5xx", "gateway-error", "unavailable"},
    errors.DeadlineExceeded(): {"5xx", "gateway-error", "timeout"},
    errors.MissedDeadline(): {"5xx", "gateway-error", "timeout"},
    errors.Overloaded(): {"5xx", "gateway-error", "overload"},
    errors.BadReply(): {"5xx"},
    errors.FaultInjected(503): {"5xx", "gateway-error"},
    errors.FaultInjected(500): {"5xx"},
    errors.FaultInjected(404): set(),
    errors.Denied(): set(),
    errors.BusDenied(): set(),
    errors.NoRoute(): set(),
    errors.TooLarge(): set(),
    errors.CallCycle(): set(),
    errors.Cancelled(): set(),
}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: f"{type(error).__name__}{getattr(error, 'status', '')}")
def test_each_word_means_its_errors(error):
    assert {word for word in CONDITIONS if FallOn([word]).failure(error)} == SAMPLES[error]


def test_no_word_means_more_than_may_be_fallen_back_on():
    assert all(codes <= ALL for codes in CODES.values())


def test_words_and_statuses_stand_side_by_side():
    both = FallOn(["gateway-error", "404", "timeout"])
    assert both.statuses == {404, 502, 503, 504}
    assert both.failure(errors.FaultInjected(404))
    assert not FallOn(["timeout"]).statuses
