"""Retries against a fake next: what is tried again, how often, when, and within which time."""

import asyncio
import random

import pytest

from plait.actors.loop.timer import Deadlines
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import (
    BadReply,
    BusUnavailable,
    DeadlineExceeded,
    Denied,
    Disconnected,
    Draining,
    HandlerFailed,
    InstanceGone,
    NoEndpoints,
    NoResponders,
    Overloaded,
    TooLarge,
    UnsupportedVersion,
)
from plait.actors.messages.rule import RetryPolicy
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


def retry(deadlines, attempts=2, base=0.025, seed=1, **more):
    return Retry(RetryPolicy(attempts, backoff=base, **more), deadlines, random.Random(seed))


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


@pytest.mark.parametrize("error", [DeadlineExceeded(), NoEndpoints(), TooLarge(), HandlerFailed(), Denied()])
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


# What the policy names


def answer(status, *headers):
    return ReplyFrame(1, status, list(headers), b"")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_answer_that_the_policy_names_is_tried_again_whatever_the_method(deadlines, method):
    proceed = Next(answer(503), answer(500), OK)
    assert await retry(deadlines, on=("5xx",))(a_call(method), proceed) is OK
    assert len(proceed.times) == 3


async def test_the_last_answer_is_given_where_all_attempts_end_alike(deadlines):
    last = answer(503)
    proceed = Next(answer(503), answer(502), last)
    assert await retry(deadlines, on=("gateway-error",))(a_call(), proceed) is last
    assert len(proceed.times) == 3


async def test_an_answer_that_the_policy_does_not_name_is_given_at_once(deadlines):
    for on in ((), ("reset",), ("502",)):
        proceed = Next(answer(503))
        assert (await retry(deadlines, on=on)(a_call(), proceed)).status == 503
        assert len(proceed.times) == 1


@pytest.mark.parametrize("error", [InstanceGone(), Disconnected(), BadReply()])
@pytest.mark.parametrize(
    ("on", "method", "again"),
    [
        ("5xx", "POST", True),
        ("gateway-error", "POST", True),
        ("reset", "POST", True),
        ("connect-failure", "POST", False),
        ("connect-failure", "GET", False),
        ("503", "GET", False),
    ],
)
async def test_a_call_that_got_no_answer_is_tried_again_as_the_policy_names_it(deadlines, error, on, method, again):
    proceed = Next(error, OK)
    if again:
        assert await retry(deadlines, on=(on,))(a_call(method), proceed) is OK
    else:
        with pytest.raises(type(error)):
            await retry(deadlines, on=(on,))(a_call(method), proceed)
    assert len(proceed.times) == 1 + again


@pytest.mark.parametrize("on", ["retriable-4xx", "503", "unavailable"])
async def test_what_was_not_processed_is_tried_again_whatever_the_policy_names(deadlines, on):
    proceed = Next(Draining(), NoResponders(), OK)
    assert await retry(deadlines, on=(on,))(a_call("POST"), proceed) is OK


async def test_no_policy_makes_a_call_go_on_after_its_callers_deadline(deadlines):
    proceed = Next(answer(503), seconds=1.0, deadlines=deadlines)
    call = a_call(expires=now() + 2.5)
    assert (await retry(deadlines, 50, on=("5xx",))(call, proceed)).status == 503
    assert len(proceed.times) == 3


async def test_where_the_time_ends_before_the_wait_does_the_outcome_is_told_at_once(deadlines):
    proceed = Next(answer(503), untried=0)
    begin = now()
    reply = await retry(deadlines, 50, base=1000.0, on=("5xx",))(a_call(limit=begin + 2.0), proceed)
    assert reply.status == 503
    assert now() == begin


# The time of one attempt


async def test_each_attempt_has_its_own_limit(deadlines):
    proceed = Next(OK, seconds=60.0, deadlines=deadlines)
    begin = now()
    with pytest.raises(DeadlineExceeded):
        await retry(deadlines, 2, per_try_timeout=1.0)(a_call(), proceed)
    assert [round(one - begin, 1) for one in proceed.times] == [0.0, 1.0, 2.0]
    assert now() - begin == pytest.approx(3.0, abs=0.01)


async def test_an_attempt_that_took_too_long_is_followed_by_one_that_does_not(deadlines):
    call = a_call(limit=now() + 60.0)
    slow, limit = Next(OK, seconds=5.0, deadlines=deadlines), call.limit

    async def proceed(one):
        return await slow(one) if one.attempts == 0 else OK

    begin = now()
    assert await retry(deadlines, per_try_timeout=0.5)(call, proceed) is OK
    assert now() - begin == pytest.approx(0.5, abs=0.01)
    assert call.limit == limit


@pytest.mark.parametrize(
    ("on", "method", "times"),
    [((), "GET", 3), ((), "POST", 1), (("reset",), "POST", 3), (("5xx",), "POST", 3), (("503",), "GET", 1)],
)
async def test_an_attempt_without_an_answer_in_time_may_have_been_worked_on(deadlines, on, method, times):
    proceed = Next(OK, seconds=60.0, deadlines=deadlines)
    with pytest.raises(DeadlineExceeded):
        await retry(deadlines, per_try_timeout=1.0, on=on)(a_call(method), proceed)
    assert len(proceed.times) == times


async def test_the_routes_time_bounds_all_attempts_and_is_not_tried_again(deadlines):
    proceed = Next(OK, seconds=60.0, deadlines=deadlines)
    chain = stack([Timeout(2.5), retry(deadlines, 50, per_try_timeout=1.0, on=("5xx",))], proceed)
    begin = now()
    with pytest.raises(DeadlineExceeded):
        await chain(a_call("POST"))
    assert now() - begin == pytest.approx(2.5, abs=0.01)
    assert len(proceed.times) == 3
