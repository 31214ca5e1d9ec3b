"""What keeps calls from going on without end: a circle of services, a task left behind, a cancellation let through."""

import asyncio

import pytest

from plait.actors import MeshError, Service, get
from plait.actors.messages.error import DeadlineExceeded
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

LOG = []


class Ring(Service, name="ring"):
    @get("/")
    async def turn(self):
        LOG.append("turn")
        return (await self.call("ring", "/")).body

    @get("/behind")
    async def behind(self):
        self.left = asyncio.create_task(self.late())
        return "answered"

    async def late(self):
        await self.sleep(5.0)
        try:
            await self.call("ring", "/slow")
        except MeshError as error:
            LOG.append(type(error))

    @get("/slow")
    async def slow(self):
        await self.sleep(60.0)

    @get("/stray")
    async def stray(self):
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future


@pytest.fixture
async def front(network):
    LOG.clear()
    front = network.node("front")
    await network.node("a").host(Ring)
    return front


async def test_services_that_call_each_other_in_a_circle_are_stopped(front):
    reply = await front.send("ring", timeout=5.0)
    assert b"failed" in reply.body
    assert len(LOG) == 33  # the one from outside, and thirty-two that wait


async def test_a_task_left_behind_gets_an_error_instead_of_waiting_for_ever(front):
    reply = await front.send("ring", path="/behind", timeout=1.0)
    assert reply.body == b"answered"
    await asyncio.sleep(10)
    assert LOG.pop() is DeadlineExceeded


async def test_a_cancellation_that_a_handler_lets_through_is_its_own_failure(front):
    reply = await front.send("ring", path="/stray", timeout=1.0)
    assert reply.status == 500
