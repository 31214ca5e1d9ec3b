"""Filters against a fake next: fault and timeout, each alone, in virtual time and with seeded chance."""

import asyncio
import random

import pytest

from plait.actors.loop.timer import Deadlines
from plait.actors.messages import rule
from plait.actors.messages.error import (
    DeadlineExceeded,
    FaultInjected,
    NoResponders,
)
from plait.actors.proxy.fault import Fault
from plait.actors.proxy.filter import stack
from plait.actors.proxy.retry import Retry
from plait.actors.proxy.timeout import Timeout
from tests.actors.proxy.chained import OK, Next, a_call, now
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


@pytest.fixture
async def deadlines():
    wheel = Deadlines(asyncio.get_running_loop(), 0.001)
    yield wheel
    wheel.close()


# Fault


async def test_the_share_of_aborted_calls_is_the_one_that_the_rule_names(deadlines):
    fault = Fault(rule.Fault(abort_status=418, abort_percent=25.0), deadlines, random.Random(7))
    aborted = 0
    for _ in range(4000):
        try:
            await fault(a_call(), Next(OK))
        except FaultInjected as error:
            aborted += error.status == 418
    assert 900 <= aborted <= 1100


@pytest.mark.parametrize(("percent", "expected"), [(0.0, 0), (100.0, 500)])
async def test_none_and_all_are_exact(deadlines, percent, expected):
    fault = Fault(rule.Fault(2.0, percent), deadlines, random.Random(7))
    delayed = 0
    for _ in range(500):
        begin = now()
        assert await fault(a_call(), Next(OK)) is OK
        delayed += now() - begin >= 1.999
    assert delayed == expected


async def test_delay_and_abort_are_drawn_apart(deadlines):
    fault = Fault(rule.Fault(3.0, 50.0, 503, 50.0), deadlines, random.Random(7))
    seen = dict.fromkeys([(False, False), (False, True), (True, False), (True, True)], 0)
    for _ in range(2000):
        begin, aborted = now(), False
        try:
            await fault(a_call(), Next(OK))
        except FaultInjected:
            aborted = True
        seen[now() - begin > 1, aborted] += 1
    assert all(400 <= count <= 600 for count in seen.values())


async def test_an_aborted_call_goes_no_further(deadlines):
    proceed = Next(OK)
    with pytest.raises(FaultInjected):
        await Fault(rule.Fault(abort_status=500, abort_percent=100.0), deadlines, random.Random(1))(a_call(), proceed)
    assert proceed.times == []


async def test_a_delay_longer_than_the_callers_limit_ends_with_the_limit(deadlines):
    fault, begin = Fault(rule.Fault(7.0, 100.0), deadlines, random.Random(1)), now()
    with pytest.raises(DeadlineExceeded):
        await fault(a_call(limit=begin + 2.5), Next(OK))
    assert now() - begin == pytest.approx(2.5, abs=0.01)
    assert len(deadlines) == 0


# Timeout


async def test_the_timeout_spans_all_attempts_and_the_waits_between_them(deadlines):
    proceed = Next(NoResponders(), seconds=1.0, untried=0, deadlines=deadlines)
    chain = stack([Timeout(2.5), Retry(rule.RetryPolicy(100), deadlines, random.Random(1))], proceed)
    begin = now()
    with pytest.raises(DeadlineExceeded):
        await chain(a_call())
    assert now() - begin == pytest.approx(2.5, abs=0.01)
    assert len(proceed.times) == 3


async def test_the_nearer_of_the_routes_and_the_callers_limit_counts(deadlines):
    for own, caller, nearer in ((1.0, 5.0, 1.0), (5.0, 1.0, 1.0)):
        begin = now()
        call = a_call(limit=begin + caller)
        with pytest.raises(DeadlineExceeded):
            await Timeout(own)(call, Next(OK, seconds=60.0, deadlines=deadlines))
        assert now() - begin == pytest.approx(nearer, abs=0.01)
        assert call.limit == begin + caller


async def test_a_reply_in_time_passes(deadlines):
    assert await Timeout(2.0)(a_call(), Next(OK, seconds=1.9, deadlines=deadlines)) is OK
