"""Deadlines over several hops: an inherited one ends in cancellation, never in an error that a handler could catch."""

import asyncio

import pytest

from plait.actors import DeadlineExceeded, MeshError, Service, get
from plait.actors.messages.error import MissedDeadline
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

LOG = []


class Ratings(Service, name="ratings"):
    @get("/")
    async def rate(self):
        LOG.append("ratings began")
        try:
            await self.sleep(7.0)
        except asyncio.CancelledError:
            LOG.append("ratings cancelled")
            raise
        LOG.append("ratings ended")


class Reviews(Service, name="reviews"):
    limit = 10.0

    @get("/")
    async def review(self):
        try:
            await self.call("ratings", "/", timeout=self.limit)
        except asyncio.CancelledError:
            LOG.append("reviews cancelled")
            raise
        except MeshError as error:
            LOG.append(f"reviews caught {type(error).__name__}")
            return "ratings unavailable"
        return "all"


@pytest.fixture(params=["over the bus", "inside one node"])
async def front(network, request):
    LOG.clear()
    front = network.node("front")
    if request.param == "inside one node":
        await front.host(Ratings)
        await front.host(Reviews)
    else:
        await network.node("a").host(Ratings)
        await network.node("b").host(Reviews)
    return front


async def test_a_handler_under_an_inherited_deadline_is_cancelled_and_sees_no_error(front):
    with pytest.raises(DeadlineExceeded):
        await front.send("reviews", timeout=0.1)
    await asyncio.sleep(20)
    assert sorted(LOG) == ["ratings began", "ratings cancelled", "reviews cancelled"]


async def test_a_limit_of_its_own_that_ends_first_is_an_error_that_it_can_catch(front, monkeypatch):
    monkeypatch.setattr(Reviews, "limit", 0.5)
    reply = await front.send("reviews", timeout=5.0)
    assert reply.body == b"ratings unavailable"
    await asyncio.sleep(20)
    assert sorted(LOG) == ["ratings began", "ratings cancelled", "reviews caught DeadlineExceeded"]


async def test_without_any_limit_a_call_takes_as_long_as_it_takes(front):
    reply = await front.send("reviews")
    assert reply.body == b"all"
    assert LOG == ["ratings began", "ratings ended"]


@pytest.mark.parametrize("milliseconds", range(1, 40, 3))
async def test_whatever_the_moment_a_timeout_is_a_timeout_and_nothing_else(front, milliseconds, monkeypatch):
    monkeypatch.setattr(Reviews, "limit", milliseconds / 1000 + 0.0003)
    reply = await front.send("reviews", timeout=5.0)
    assert reply.body == b"ratings unavailable"
    assert MissedDeadline.__name__ not in "".join(LOG)
