"""Head sampling: one draw at the edge, a seed repeats it, outside ids are continued."""

import random

import pytest

from plait.tracing.context import is_sampled, parse, trace_id
from plait.tracing.sampler import HeadSampler

OUTSIDE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{}"


def test_the_share_of_recorded_requests_is_the_ratio():
    sampler = HeadSampler(0.1, random.Random(1))
    assert 900 < sum(sampler.sample() for _ in range(10_000)) < 1100


@pytest.mark.parametrize(("ratio", "expected"), [(0.0, 0), (1.0, 500)])
def test_none_and_all_are_exact(ratio, expected):
    sampler = HeadSampler(ratio, random.Random(1))
    assert sum(sampler.admit().sampled for _ in range(500)) == expected


def test_a_seed_repeats_every_decision_and_id():
    one, two = HeadSampler(0.5, random.Random(3)), HeadSampler(0.5, random.Random(3))
    assert [one.admit() for _ in range(50)] == [two.admit() for _ in range(50)]


def test_without_context_a_trace_begins_here():
    admission = HeadSampler(1.0, random.Random(1)).admit()
    assert admission.root
    assert admission.sampled
    assert is_sampled(admission.traceparent)
    assert parse(admission.traceparent) is not None


@pytest.mark.parametrize("flags", ["00", "01"])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_an_outside_trace_is_continued_and_the_decision_is_ours(flags, ratio):
    outside = OUTSIDE.format(flags)
    admission = HeadSampler(ratio, random.Random(1)).admit(outside)
    assert admission.traceparent[:53] == outside[:53]
    assert (admission.root, admission.sampled) == (False, ratio == 1.0)
    assert is_sampled(admission.traceparent) is (ratio == 1.0)


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True)])
def test_the_parents_decision_is_honoured_where_asked(flags, sampled):
    for ratio in (0.0, 1.0):
        admission = HeadSampler(ratio, random.Random(1)).admit(OUTSIDE.format(flags), honour=True)
        assert admission.sampled is sampled
        assert is_sampled(admission.traceparent) is sampled


def test_rubbish_from_outside_begins_a_trace_of_our_own():
    for honour in (False, True):
        admission = HeadSampler(1.0, random.Random(1)).admit("00-rubbish", honour=honour)
        assert (admission.root, admission.sampled) == (True, True)
        assert len(trace_id(admission.traceparent)) == 32


def test_the_ratio_may_change_while_requests_run_within_its_bounds():
    sampler = HeadSampler(0.0, random.Random(1))
    assert not sampler.sample()
    sampler.ratio = 1.0
    assert sampler.sample()
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            sampler.ratio = wrong


def test_a_forced_request_is_recorded_whatever_ratio_and_parent_say():
    sampler = HeadSampler(0.0, random.Random(1))
    assert sampler.admit(forced=True).sampled
    admission = sampler.admit(OUTSIDE.format("00"), honour=True, forced=True)
    assert (admission.sampled, is_sampled(admission.traceparent)) == (True, True)
