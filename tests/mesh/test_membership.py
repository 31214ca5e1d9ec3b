"""How a node's instances come back to a registry that answers late, or refuses them."""

import asyncio
import random
from types import SimpleNamespace

import pytest

from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.error import BusUnavailable, DeadlineExceeded, Refused
from plait.actors.messages.instance import Beat, Connection, Heartbeat, Instance, Join, Joined
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.mesh.enrolment import Fares, Weigh, join
from plait.mesh.membership import Membership
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

ANSWERS_LOST = object()
INSTANCE = Instance("r1", "reviews", "v1", {}, "", "n1", 7)
_joins, _beats = Codec[Join](Join), Codec[Heartbeat](Heartbeat)


class Registry:
    """Answers what it is told to, the last answer again and again; keeps the joins and heartbeats that reached it."""

    deaf = False

    def __init__(self):
        self.joins, self.answers = [], [Joined(1)]
        self.beats, self.beaten, self.forgotten = 0, Beat(1), []
        self.renewed = []
        self.flushes, self.line_dead = 0, False
        self.bus = SimpleNamespace(forget=self.forgotten.append)

    async def ask(self, callee, subject, payload, timeout):
        if b".renew." in subject:
            self.renewed.append(_joins.decode(payload).instance)
            if self.deaf:
                raise DeadlineExceeded
            return encode(Joined(2))
        assert b".join." in subject
        self.joined = _joins.decode(payload).instance
        self.joins.append(self.joined.incarnation)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is ANSWERS_LOST:
            raise DeadlineExceeded
        return encode(answer)

    def request(self, callee, subject, payload, done):
        self.beats += 1
        if self.beaten is not None:
            done(encode(self.beaten))
        return b"reply.%d" % self.beats

    async def bus_answers(self):
        """What a flush of the line for calls comes to."""
        self.flushes += 1
        if self.line_dead:
            await asyncio.sleep(2.0)
            raise BusUnavailable("no PONG")


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
        busy=SimpleNamespace(late=lambda seconds: None),
        loads={},
        data=SimpleNamespace(listen=lambda changed: None, flush=registry.bus_answers),
        control=SimpleNamespace(listen=lambda changed: None),
    )
    supervisor = Supervisor("n1", Surroundings(loop, Deadlines(loop), random.Random(1)))
    cell = await supervisor.start_child(ChildSpec("membership", lambda: Membership(link, {})))
    await join(cell, INSTANCE, supervisor.surroundings)
    yield cell
    await supervisor.stop()


async def test_a_join_whose_answer_was_lost_is_tried_again_in_a_later_life(membership, registry):
    # The registry took that join, saw its connection end and buried it: the same incarnation would never be let in.
    registry.answers = [ANSWERS_LOST, Joined(2)]
    registry.beaten = Beat(1, (("reviews", "r1"),))
    await asyncio.sleep(0.26)
    registry.beaten = Beat(1)
    await asyncio.sleep(2.0)
    assert registry.joins == [7, 8, 9]


async def test_an_earlier_life_that_looks_like_a_later_one_gives_way_to_whoever_starts(membership, registry):
    registry.answers = [Joined(error="is in", code="failed_precondition", incarnation=900, taken=True), Joined(3)]
    await join(membership, INSTANCE, membership.surroundings)
    assert registry.joins == [7, 7, 901]


async def test_one_that_lost_its_place_passes_a_dead_life(membership, registry):
    registry.answers = [Joined(error="is out", code="failed_precondition", incarnation=900), Joined(3)]
    registry.beaten = Beat(1, (("reviews", "r1"),))
    await asyncio.sleep(0.26)
    registry.beaten = Beat(1)
    await asyncio.sleep(2.0)
    assert registry.joins == [7, 8, 901]


async def test_one_that_lost_its_place_to_a_living_process_does_not_take_it_back(membership, registry):
    registry.answers = [Joined(error="is in", code="failed_precondition", incarnation=8, taken=True)]
    registry.beaten = Beat(1, (("reviews", "r1"),))
    await asyncio.sleep(16.0)
    assert set(registry.joins) == {7, 8}
    assert 4 <= len(registry.joins) <= 6  # it goes on asking, for the other one may go; not with each heartbeat


async def test_heartbeats_wait_for_no_answer_and_no_join(membership, registry):
    registry.beaten = None
    await asyncio.sleep(10.01)
    assert registry.beats >= 39
    assert registry.forgotten[:2] == [b"reply.1", b"reply.2"]


async def test_a_node_that_nothing_reaches_does_not_say_that_it_lives_until_the_bus_answers_it(membership, registry):
    await asyncio.sleep(1.01)
    assert registry.flushes == 0, "answered heartbeats need no proof"
    registry.beaten, registry.line_dead = None, True
    before = registry.beats
    await asyncio.sleep(6.0)
    assert registry.beats == before + 1, "one that was sent before it could know"
    registry.line_dead = False
    await asyncio.sleep(2.0)
    registry.beaten, before = Beat(1), registry.beats
    await asyncio.sleep(1.01)
    assert registry.beats >= before + 4


async def test_one_that_is_refused_for_good_is_told_so(membership, registry):
    registry.answers = [Joined(error="no such name", code="invalid_argument")]
    with pytest.raises(Refused, match="may not join: no such name"):
        await join(membership, INSTANCE, membership.surroundings)


async def test_one_that_is_refused_again_and_again_asks_less_and_less_often(membership, registry):
    registry.answers = [Joined(error="no such name", code="invalid_argument")]
    registry.beaten = Beat(1, (("reviews", "r1"),))
    await asyncio.sleep(30.0)
    assert 5 <= len(registry.joins) <= 9
    registry.answers, registry.beaten = [Joined(2)], Beat(1)
    await asyncio.sleep(12.0)
    count = len(registry.joins)
    registry.answers = [ANSWERS_LOST, Joined(3)]
    registry.beaten = Beat(1, (("reviews", "r1"),))
    await asyncio.sleep(0.26)
    registry.beaten = Beat(1)
    await asyncio.sleep(1.0)
    assert len(registry.joins) == count + 2, "a join that succeeded begins the waits anew"


def words(registry):
    return [(one.health, one.reason, one.renewal) for one in registry.renewed]


async def test_a_word_that_the_registry_lost_is_said_again_when_a_heartbeat_tells(membership, registry):
    registry.deaf = True
    assert isinstance(await membership.ask(Fares("r1", "critical", "db: refused"), 5.0), DeadlineExceeded)
    registry.deaf, registry.beaten = False, Beat(1, behind=(("reviews", "r1"),))
    await asyncio.sleep(0.26)
    registry.beaten = Beat(2)
    await asyncio.sleep(1.0)
    assert words(registry) == [("critical", "db: refused", 1)] * 2


async def test_a_later_life_keeps_what_was_said_before(membership, registry):
    await membership.ask(Fares("r1", "critical", "db: refused"), 5.0)
    registry.beaten = Beat(1, (("reviews", "r1"),))
    await asyncio.sleep(0.26)
    registry.beaten = Beat(1)
    await asyncio.sleep(1.0)
    await membership.ask(Fares("r1", "healthy"), 5.0)
    assert (registry.joins, registry.joined.health, registry.joined.reason) == ([7, 8], "critical", "db: refused")
    assert words(registry)[-1] == ("healthy", "", 2)


async def test_a_weight_is_told_and_stays_when_other_things_are_said(membership, registry):
    await membership.ask(Weigh("r1", 2.5), 5.0)
    await membership.ask(Fares("r1", "critical", "db: refused"), 5.0)
    assert [(one.weight, one.health, one.renewal) for one in registry.renewed] == [
        (2.5, "healthy", 1),
        (2.5, "critical", 2),
    ]
    refused = await membership.ask(Weigh("r9", 1.0), 5.0)
    assert isinstance(refused, Refused)
    assert "no instance 'r9'" in str(refused)


async def test_of_one_that_drains_nothing_more_is_said(membership, registry):
    await membership.ask(Fares("r1", "draining"), 5.0)
    await membership.ask(Fares("r1", "critical", "db: refused"), 5.0)
    assert words(registry) == [("draining", "", 1)]


async def test_without_its_control_connection_a_node_lives_by_the_other_one_and_says_so(membership, registry):
    cell, published = membership, []

    def gone(*_):
        raise BusUnavailable("the control connection is reconnecting")

    link = cell.actor._link
    link.data.publish = lambda subject, payload: published.append((subject, _beats.decode(payload)))
    await join(cell, INSTANCE, cell.surroundings)
    registry.request, answered = gone, registry.request
    await asyncio.sleep(1.1)
    assert len(published) == 4
    assert {subject for subject, _ in published} == {b"plait.m.hb.n1"}
    assert all(beat.control == Connection() and beat.data == Connection("s", 1) for _, beat in published)
    assert published[-1][1].instances == (("reviews", "r1", 7),)
    registry.request = answered
    await asyncio.sleep(0.5)
    assert len(published) == 4
