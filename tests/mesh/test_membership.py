"""How a node's instances come back to a registry that answers late, or refuses them."""

import asyncio
import random
from types import SimpleNamespace

import pytest

from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.error import DeadlineExceeded
from plait.actors.messages.instance import Beat, Connection, Instance, Join, Joined
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.surroundings import Surroundings
from plait.mesh.membership import Add, Membership, Tick
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

ANSWERS_LOST = object()
_joins = Codec[Join](Join)


class Registry:
    """Answers what it is told to; keeps the joins that reached it."""

    def __init__(self):
        self.joins, self.answer = [], encode(Joined(1))

    async def ask(self, callee, subject, payload, timeout):
        if b".join." not in subject:
            return encode(Beat(1))
        self.joins.append(_joins.decode(payload).instance.incarnation)
        if self.answer is ANSWERS_LOST:
            raise DeadlineExceeded
        return self.answer


@pytest.fixture
async def registry():
    return Registry()


@pytest.fixture
async def membership(registry):
    loop = asyncio.get_running_loop()
    link = SimpleNamespace(
        asker=registry,
        subjects=Subjects("m"),
        node="n1",
        connections=(Connection("s", 1), Connection("s", 2)),
        data=SimpleNamespace(listen=lambda changed: None),
        control=SimpleNamespace(listen=lambda changed: None),
    )
    member = Membership(link, {})
    member.cell = SimpleNamespace(surroundings=Surroundings(loop, Deadlines(loop), random.Random(1)))
    await member.receive(Add(Instance("r1", "reviews", "v1", {}, "", "n1", 7)))
    return member


async def test_a_join_whose_answer_was_lost_is_tried_again_in_a_later_life(membership, registry):
    registry.answer = ANSWERS_LOST
    membership._rejoin = True
    await membership.receive(Tick())
    # The registry took that join, saw its connection end and buried it: the same incarnation would never be let in.
    registry.answer = encode(Joined(2))
    await membership.receive(Tick())
    assert registry.joins == [7, 8, 9]
    await membership.receive(Tick())
    assert registry.joins == [7, 8, 9]
