"""A look by a turn of the service: in front of the calls that wait, cut at its timeout, and never two at once."""

import asyncio

import pytest

from plait.actors import Health, HttpCheck, Response, Service, check, get
from plait.actors.messages.error import DeadlineExceeded, MeshError
from plait.actors.service.check import MethodCheck
from plait.actors.service.checkup import OwnLook
from plait.actors.service.health import Level
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio
PASSES = Health(Level.PASSING)


class Patient(Service, name="patient", concurrency=2):
    said = PASSES

    async def pre_start(self):
        self.ended = []

    @check
    def plain(self):
        return type(self).said

    @check
    async def waits(self):
        await self.sleep(0.1)

    @check
    async def raises(self):
        await self.sleep(0.1)
        raise ConnectionRefusedError("the database is away")

    @check
    def raises_at_once(self):
        raise KeyError("x")

    @check
    async def hangs(self):
        try:
            await self.sleep(60.0)
        finally:
            self.ended.append(self.clock())

    @check
    async def deaf(self):
        for _ in range(200):
            try:
                await self.sleep(0.1)
            except asyncio.CancelledError:
                continue

    @check
    async def asks(self):
        await self.call("nobody-answers", "/")

    @get("/slow")
    async def slow(self):
        await self.sleep(2.0)
        return "done"

    @get("/health")
    async def health(self):
        await self.sleep(0.1)
        return Response("too many" if type(self).said else "", 429)

    @get("/fine")
    def fine(self):
        return "fine"

    @get("/stuck")
    async def stuck(self):
        await self.sleep(60.0)


@pytest.fixture
async def cell(network):
    Patient.said = None
    return await network.node("home").host(Patient, "patient-1")


async def look(cell, method, **how):
    """What a look came to, and the seconds that it took."""
    began = cell.surroundings.clock()
    health = await OwnLook(cell, MethodCheck(method, **how))()
    return health, cell.surroundings.clock() - began


async def test_a_method_passes_or_says_why_not(cell):
    assert await look(cell, "plain") == (PASSES, 0.0)
    assert (await look(cell, "waits"))[0] == PASSES
    Patient.said = Health.warning("slow")
    assert (await look(cell, "plain"))[0] == Health.warning("slow")
    text = "ConnectionRefusedError: the database is away"
    assert (await look(cell, "raises"))[0] == Health.critical(text)
    assert (await look(cell, "raises_at_once"))[0] == Health.critical("KeyError: 'x'")
    assert cell.life.value == "running"


async def test_what_hangs_is_cut_at_the_timeout_and_its_work_cancelled(cell):
    health, seconds = await look(cell, "hangs")
    assert (health, 0.5 <= seconds < 0.51) == (Health.critical("no answer within 0.5 s"), True)
    await asyncio.sleep(0.01)
    assert (len(cell.actor.ended), cell.busy) == (1, 0)


async def test_one_that_goes_on_though_it_is_cancelled_is_not_begun_a_second_time(cell):
    looking = OwnLook(cell, MethodCheck("deaf"))
    assert "no answer" in (await looking()).text
    for _ in range(5):
        assert (await looking()).text == "the look before is not over: it goes on though it was cancelled"
    assert cell.busy == 1
    await asyncio.sleep(30.0)
    assert cell.busy == 0


async def test_a_busy_service_is_not_ill_and_a_look_goes_before_the_calls_that_wait(cell, network):
    caller = network.node("caller")
    calls = [asyncio.ensure_future(caller.send("patient", "/slow")) for _ in range(6)]
    await asyncio.sleep(0.1)
    assert cell.mailbox.waiting == 4
    health, seconds = await look(cell, "plain")
    assert (health, 1.8 < seconds < 2.0) == (PASSES, True)
    assert [reply.status for reply in await asyncio.gather(*calls)] == [200] * 6


async def test_one_that_takes_no_turn_at_all_is_ill(cell, network):
    caller = network.node("caller")
    calls = [asyncio.ensure_future(caller.send("patient", "/stuck", timeout=30.0)) for _ in range(2)]
    await asyncio.sleep(0.1)
    health, seconds = await look(cell, "plain")
    assert health == Health.critical("it took no turn for 5 s, with 2 calls in hand")
    assert 5.0 <= seconds < 5.01
    for call in calls:
        with pytest.raises(DeadlineExceeded):
            await call
    await asyncio.sleep(0.1)
    assert (cell.mailbox.waiting, cell.busy) == (0, 0)


async def test_a_path_is_asked_of_the_services_own_handler(cell):
    assert await OwnLook(cell, HttpCheck("/fine"))() == Health(Level.PASSING, "it answers 200 fine")
    Patient.said = True
    assert await OwnLook(cell, HttpCheck("/health?a=b"))() == Health(Level.WARNING, "it answers 429 too many")
    gone = await OwnLook(cell, HttpCheck("/gone"))()
    assert (gone.level, gone.text[:15]) == (Level.CRITICAL, "it answers 404 ")
    assert (await OwnLook(cell, HttpCheck("/stuck"))()).text == "no answer within 0.5 s"


async def test_calls_from_a_check_end_with_its_timeout(cell):
    health, seconds = await look(cell, "asks", timeout=0.2)
    assert (health.level, seconds < 0.21) == (Level.CRITICAL, True)


async def test_a_call_cannot_pass_itself_off_as_a_check(cell, network):
    reply = await network.node("caller").send("patient", "", method="CHECK")
    assert reply.status == 404


async def test_a_stopped_service_fails_its_checks(cell, network):
    await network.nodes[0].supervisor.stop_child("patient-1")
    with pytest.raises(MeshError):
        cell.tell(1)
    assert (await look(cell, "plain"))[0].level is Level.CRITICAL
