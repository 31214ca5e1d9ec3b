"""Filters against a fake next: fault, timeout and retry, each alone, in virtual time and with seeded chance."""

import asyncio
import random

import pytest

from plait.actors.loop.timer import Deadlines
from plait.actors.messages import rule
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import (
    BusUnavailable,
    DeadlineExceeded,
    Disconnected,
    FaultInjected,
    HandlerFailed,
    InstanceGone,
    NoEndpoints,
    NoResponders,
    Overloaded,
    TooLarge,
    UnsupportedVersion,
)
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.fault import Fault
from plait.actors.proxy.filter import stack
from plait.actors.proxy.retry import Retry
from plait.actors.proxy.timeout import Timeout
from plait.actors.proxy.wait import pause
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

OK = ReplyFrame(1, 200, [], b"")


def now():
    return asyncio.get_running_loop().time()


def a_call(method="GET", **more):
    call = Call(Caller("me"), 1, "s", method, "/", "", "s", [], b"", {}, "")
    for field, value in more.items():
        setattr(call, field, value)
    return call


class Next:
    """The rest of the chain: gives its outcomes one after the other, the last one for ever, each after `seconds`."""

    def __init__(self, *outcomes, seconds=0.0, untried=1, deadlines=None):
        self.outcomes = list(outcomes)
        self.seconds = seconds
        self.untried = untried
        self.deadlines = deadlines
        self.times = []

    async def __call__(self, call):
        self.times.append(now())
        call.attempts += 1
        call.tried.append(object())
        call.untried = self.untried
        if self.seconds:
            await pause(self.deadlines, self.seconds, call)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


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
    chain = stack([Timeout(2.5), Retry(100, 0.025, deadlines, random.Random(1))], proceed)
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


# Retry


def retry(deadlines, attempts=2, base=0.025, seed=1):
    return Retry(attempts, base, deadlines, random.Random(seed))


@pytest.mark.parametrize("error", [NoResponders(), Overloaded(), BusUnavailable(), UnsupportedVersion()])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_what_was_not_processed_is_tried_again_whatever_the_method(deadlines, error, method):
    proceed = Next(error, error, OK)
    assert await retry(deadlines)(a_call(method), proceed) is OK
    assert len(proceed.times) == 3


@pytest.mark.parametrize("error", [InstanceGone(), Disconnected()])
@pytest.mark.parametrize(
    ("method", "key", "again"),
    [
        ("GET", "", True),
        ("HEAD", "", True),
        ("OPTIONS", "", True),
        ("POST", "", False),
        ("PUT", "", False),
        ("PATCH", "", False),
        ("DELETE", "", False),
        ("POST", "once", True),
    ],
)
async def test_what_may_have_been_processed_is_tried_again_only_where_twice_does_no_harm(
    deadlines, error, method, key, again
):
    proceed = Next(error, OK)
    if again:
        assert await retry(deadlines)(a_call(method, idempotency_key=key), proceed) is OK
    else:
        with pytest.raises(type(error)):
            await retry(deadlines)(a_call(method, idempotency_key=key), proceed)
    assert len(proceed.times) == 1 + again


@pytest.mark.parametrize("error", [DeadlineExceeded(), NoEndpoints(), TooLarge(), HandlerFailed()])
async def test_what_another_attempt_cannot_mend_is_not_tried_again(deadlines, error):
    proceed = Next(error)
    with pytest.raises(type(error)):
        await retry(deadlines)(a_call(), proceed)
    assert len(proceed.times) == 1


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_there_are_so_many_retries_and_no_more_and_the_last_error_is_told(deadlines, attempts):
    proceed = Next(*[NoResponders()] * attempts, Overloaded())
    with pytest.raises(Overloaded):
        await retry(deadlines, attempts)(a_call(), proceed)
    assert len(proceed.times) == attempts + 1


async def test_an_answer_of_the_service_is_never_tried_again_whatever_its_status(deadlines):
    failed = ReplyFrame(1, 503, [], b"")
    proceed = Next(failed)
    assert await retry(deadlines)(a_call(), proceed) is failed
    assert len(proceed.times) == 1


async def test_an_instance_that_was_not_tried_is_tried_at_once(deadlines):
    proceed = Next(NoResponders(), untried=1)
    with pytest.raises(NoResponders):
        await retry(deadlines)(a_call(), proceed)
    assert proceed.times[0] == proceed.times[-1]


async def test_one_that_was_tried_is_tried_after_a_wait_with_full_jitter(deadlines):
    waits = {1: [], 2: [], 3: [], 4: [], 5: []}
    policy = retry(deadlines, attempts=5, base=1.0)
    for _ in range(200):
        proceed = Next(NoResponders(), untried=0)
        with pytest.raises(NoResponders):
            await policy(a_call(), proceed)
        for number, seen in waits.items():
            seen.append(proceed.times[number] - proceed.times[number - 1])
    for number, bound in ((1, 1.0), (2, 3.0), (3, 7.0), (4, 10.0), (5, 10.0)):
        assert max(waits[number]) <= bound + 0.01
        assert max(waits[number]) > 0.9 * bound
        assert min(waits[number]) < 0.1 * bound


async def test_no_attempt_begins_after_the_limit(deadlines):
    proceed = Next(NoResponders(), seconds=1.0, untried=1, deadlines=deadlines)
    begin = now()
    with pytest.raises((DeadlineExceeded, NoResponders)):
        await retry(deadlines, 50)(a_call(limit=begin + 3.5), proceed)
    assert max(proceed.times) < begin + 3.5
    assert now() - begin <= 3.51
