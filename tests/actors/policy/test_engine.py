"""Policy comes in over the bus, is judged, numbered, stored, and brought to the nodes in two phases."""

import asyncio
import random

import msgspec
import pytest

from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.error import StartFailed, Undecodable
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Acknowledge, Activate, Prepare, Push
from plait.actors.policy.engine import PolicyEngine
from plait.actors.policy.record import WHOLE_EVERY
from plait.actors.proxy.revision import PolicyFollower
from plait.actors.runtime.actor import ChildSpec, Surroundings
from plait.actors.runtime.ask import Asker, ask
from plait.actors.runtime.memory import MemoryServer
from plait.actors.runtime.memory_store import MemoryKeyValue
from plait.actors.runtime.snapshot import fetch
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.timer import Deadlines

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()
_push, _acknowledge = Codec[Push](Push), Codec[Acknowledge](Acknowledge)


def service(name, to="", weight=0):
    share = f", weight: {weight}" if weight else ""
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n"
        f"  hosts: [{name}]\n  http:\n  - route:\n    - destination: {{host: {to or name}}}{share}\n"
    )


BAD = service("broken").replace("route:", "rute:")


class World:
    """A policy engine or two, nodes that follow, and a user."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.server = MemoryServer()
        self.store = MemoryKeyValue()
        self.surroundings = Surroundings(loop, Deadlines(loop), random.Random(1))
        self.supervisor = Supervisor("mesh", self.surroundings)
        self.bus = self.server.connect("user")
        self.alive = set()
        self.followers = {}
        self.engines = {}
        self.seen = []
        self._questions = 0
        self.bus.subscribe(SUBJECTS.pushes("pol"), self._saw)
        self.bus.subscribe(SUBJECTS.acknowledgements(), self._heard)

    def _saw(self, subject, reply, payload, headers):
        try:
            push = _push.decode(payload)
        except Undecodable:
            return
        self.seen.append((type(push).__name__, push.revision))

    def _heard(self, subject, reply, payload, headers):
        try:
            said = _acknowledge.decode(payload)
        except Undecodable:
            return
        self.seen.append((said.state, said.revision))

    async def start(self, name="policy", limit=0.3):
        def make():
            bus = self.server.connect(name)
            nodes = lambda: self.alive  # noqa: E731
            self.engines[name] = PolicyEngine(
                SUBJECTS, bus, self.store, nodes, limit=limit, wall_clock=lambda: 1_700_000_000.0
            )
            return self.engines[name]

        await self.supervisor.start_child(ChildSpec(name, make))
        return self.engines[name]

    async def node(self, name="n1", prepare=lambda revision, entries: (revision, sorted(entries))):
        asker = Asker(self.server.connect(name), SUBJECTS, name, self.surroundings.deadlines)
        active = []
        follower = PolicyFollower(asker, name, prepare, lambda *what: active.append(what), random.Random(2), 0.2)
        follower.active = active
        self.followers[name] = follower
        follower.start()
        await follower.ready(2.0)
        self.alive.add(name)
        return follower

    async def ask(self, what, payload=b"", headers=b"", timeout=10.0):
        if not isinstance(payload, bytes):
            payload = payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)
        self._questions += 1
        reply = b"_INBOX.%d" % self._questions
        inbox = self.bus.inbox(reply)
        subject = SUBJECTS.user("policy", what)
        try:
            answer = await ask(self.bus, subject, payload, reply, timeout, self.surroundings.deadlines, headers)
            return msgspec.json.decode(answer)
        finally:
            inbox.unsubscribe()

    async def apply(self, text, **headers):
        block = "".join(f"plait-{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return await self.ask("apply", text, f"NATS/1.0\r\n{block}\r\n".encode() if headers else b"")

    async def names(self):
        return [one["metadata"]["name"] for one in (await self.ask("get"))["items"]]


@pytest.fixture
async def world():
    world = World()
    yield world
    for follower in world.followers.values():
        await follower.stop()
    await world.supervisor.stop()
    world.surroundings.deadlines.close()


async def test_an_accepted_bundle_becomes_the_next_revision(world):
    await world.start()
    assert await world.apply(service("reviews") + service("ratings")) == {
        "revision": 1,
        "applied": [
            {"kind": "VirtualService", "namespace": "default", "name": "reviews", "action": "created"},
            {"kind": "VirtualService", "namespace": "default", "name": "ratings", "action": "created"},
        ],
        "warnings": [],
        "nodes": {"synced": 0, "of": 0},
    }
    answer = await world.apply(service("reviews", "ratings"))
    assert (answer["revision"], answer["applied"][0]["action"]) == (2, "configured")
    assert await world.names() == ["ratings", "reviews"]


async def test_a_refused_bundle_says_why_and_leaves_what_was_in_force(world):
    await world.start()
    await world.apply(service("reviews"))
    before = await world.ask("get")
    answer = await world.apply(service("ratings") + BAD)
    assert list(answer) == ["errors"]
    error = answer["errors"][0]
    assert (error["code"], error["document"], error["path"]) == (
        "unknown_field",
        "VirtualService/default/broken",
        "$.spec.http[0].rute",
    )
    assert "route" in error["hint"]
    assert await world.ask("get") == before
    assert world.store.writes == 1


async def test_nodes_prepare_before_any_activates(world):
    await world.start()
    first, second = await world.node("n1"), await world.node("n2")
    world.seen.clear()
    answer = await world.apply(service("reviews"))
    assert answer["nodes"] == {"synced": 2, "of": 2}
    assert world.seen == [("Prepare", 1), *[("prepared", 1)] * 2, ("Activate", 1), *[("active", 1)] * 2]
    for node in (first, second):
        assert node.active == [(1, (1, ["VirtualService/default/reviews"]))]


async def test_a_node_that_never_answers_delays_by_no_more_than_the_limits(world):
    await world.start(limit=0.2)
    await world.node("n1")
    world.alive.add("deaf")
    loop = asyncio.get_running_loop()
    start = loop.time()
    answer = await world.apply(service("reviews"))
    assert 0.39 < loop.time() - start < 1.0
    assert answer["nodes"] == {"synced": 1, "of": 2}
    start = loop.time()
    await world.apply(service("reviews", "ratings"), wait="false")
    assert loop.time() - start < 0.38


async def test_a_node_that_cannot_compile_is_named_and_keeps_what_it_has(world):
    def choosy(revision, entries):
        if revision == 2:
            raise ValueError("too new for me")
        return revision

    await world.start()
    node = await world.node("old", choosy)
    await world.apply(service("reviews"))
    answer = await world.apply(service("ratings"))
    assert answer["nodes"] == {"synced": 0, "of": 1}
    assert answer["warnings"][0]["code"] == "node_refused"
    assert "too new for me" in answer["warnings"][0]["message"]
    assert node.revision == 1
    status = await world.ask("status")
    assert (status["items"][0]["state"], status["items"][0]["node"]) == ("refused", "old")


async def test_the_same_documents_again_make_no_revision(world):
    await world.start()
    await world.apply(service("reviews"))
    again = await world.apply(service("reviews"))
    assert (again["revision"], again["applied"][0]["action"]) == (1, "unchanged")
    assert world.store.writes == 1


async def test_what_get_gives_can_be_applied_again(world):
    await world.start()
    await world.apply(service("reviews"))
    item = (await world.ask("get", {"kind": "VirtualService", "name": "reviews"}))["items"][0]
    assert item["metadata"]["resourceVersion"] == "1"
    assert item["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert (await world.ask("apply", item))["applied"][0]["action"] == "unchanged"


async def test_a_dry_run_judges_and_changes_nothing(world):
    await world.start()
    answer = await world.apply(service("reviews"), dry_run="true")
    assert (answer["revision"], answer["applied"][0]["action"]) == (0, "created")
    assert "errors" in await world.apply(BAD, dry_run="true")
    assert (await world.names(), world.store.writes) == ([], 0)


async def test_a_deleted_document_is_out_of_force(world):
    await world.start()
    await world.apply(service("reviews") + service("ratings"))
    answer = await world.ask("delete", {"kind": "VirtualService", "name": "reviews"})
    assert (answer["revision"], answer["applied"][0]["action"]) == (2, "deleted")
    assert await world.names() == ["ratings"]
    answer = await world.ask("delete", {"kind": "VirtualService", "name": "reviws"})
    assert answer["errors"][0]["code"] == "not_found"
    assert (await world.ask("delete", {"kind": "VirtualService"}))["errors"]


async def test_a_rollback_is_a_new_revision_with_the_old_rules(world):
    await world.start()
    node = await world.node()
    await world.apply(service("reviews"))
    await world.apply(service("reviews", "ratings") + service("ratings"))
    answer = await world.ask("rollback", {"revision": 1})
    assert answer["revision"] == 3
    assert {one["name"]: one["action"] for one in answer["applied"]} == {"ratings": "deleted", "reviews": "configured"}
    assert await world.names() == ["reviews"]
    history = await world.ask("history")
    assert [(one["revision"], one["action"]) for one in history["items"]] == [
        (3, "rollback 1"),
        (2, "apply"),
        (1, "apply"),
    ]
    assert history["items"][0]["digest"] == history["items"][2]["digest"] != history["items"][1]["digest"]
    assert history["items"][0]["active"]
    assert node.revision == 3
    assert (await world.ask("rollback", {"revision": 1}))["revision"] == 3  # it stands there already
    for bad in ({"revision": 9}, {}, {"revision": "1"}):
        assert (await world.ask("rollback", bad))["errors"]


async def test_a_restarted_engine_goes_on_where_the_last_one_was(world):
    await world.start()
    for n in range(WHOLE_EVERY + 6):
        await world.apply(service(f"s{n % 10}", f"t{n}"))
    before, history = await world.ask("get"), await world.ask("history")
    await world.supervisor.stop_child("policy")
    engine = await world.start()
    assert engine.active == WHOLE_EVERY + 6
    assert await world.ask("get") == before
    assert await world.ask("history") == history
    assert (await world.ask("rollback", {"revision": WHOLE_EVERY + 1}))["revision"] == WHOLE_EVERY + 7
    assert (await world.ask("rollback", {"revision": 3}))["revision"] == WHOLE_EVERY + 8
    assert await world.names() == ["s0", "s1", "s2"]


async def test_two_engines_never_write_the_same_revision(world, until):
    one, two = await world.start("one"), await world.start("two")
    node = await world.node()
    answers = await asyncio.gather(*(world.apply(service(f"s{n}")) for n in range(20)))
    assert sorted(answer["revision"] for answer in answers) == list(range(1, 21))
    await until(lambda: one.active == two.active == node.revision == 20)
    assert len(await world.names()) == 20
    assert node.active[-1][1][1] == [f"VirtualService/default/s{n}" for n in sorted(range(20), key=str)]


async def test_a_lost_answer_of_the_store_neither_loses_nor_doubles_a_revision(world):
    await world.start()
    world.store.lose = 1
    assert (await world.apply(service("reviews")))["revision"] == 1
    world.store.fail = 10
    assert (await world.apply(service("ratings")))["errors"][0]["code"] == "unavailable"
    world.store.fail = 0
    assert (await world.apply(service("ratings")))["revision"] == 2


async def test_a_damaged_store_stops_the_engine_instead_of_guessing(world):
    await world.store.create("r.1", b"\x01garbage")
    with pytest.raises(StartFailed, match="damaged"):
        await world.start()


async def test_a_missing_revision_stops_the_engine(world):
    await world.start()
    await world.apply(service("reviews"))
    await world.apply(service("ratings"))
    await world.supervisor.stop_child("policy")
    await world.store.delete("r.1", 1)
    with pytest.raises(StartFailed, match="revision 1 is missing"):
        await world.start()


async def test_reading_does_not_wait_behind_a_slow_change(world):
    await world.start(limit=0.5)
    await world.apply(service("reviews"))
    world.alive.add("deaf")
    slow = asyncio.ensure_future(world.apply(service("ratings")))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.2):
        assert len(await world.names()) == 2
        await world.ask("history")
        asker = Asker(world.server.connect("n9"), SUBJECTS, "n9", world.surroundings.deadlines)
        revision, rules = await fetch(asker, "pol", "policy")
    assert not slow.done()
    assert (revision, list(rules)) == (1, ["VirtualService/default/reviews"])  # what is active, not what is prepared
    assert (await slow)["revision"] == 2


async def test_random_bytes_on_every_subject_stop_nothing(world):
    engine = await world.start()
    await world.apply(service("reviews"))
    rng = random.Random(9)
    verbs = ("apply", "delete", "rollback", "get", "history", "status")
    inbox = world.bus.inbox(b"_INBOX.noise")
    node = await world.node()
    noisy = [
        *(SUBJECTS.user("policy", verb) for verb in verbs),
        SUBJECTS.acknowledge("n1"),
        SUBJECTS.snapshot("pol", "n1"),
    ]
    for subject in noisy:
        for _ in range(100):
            noise = rng.randbytes(rng.randrange(40))
            world.bus.publish(subject, noise, b"_INBOX.noise", b"NATS/1.0\r\n" + noise)
    for _ in range(100):
        world.bus.publish(SUBJECTS.push("pol", "1"), b"\xff" + rng.randbytes(rng.randrange(40)))
    inbox.unsubscribe()
    assert (await world.apply(service("ratings")))["revision"] == 2
    assert world.engines["policy"] is engine
    assert node.revision == 2


async def test_a_large_bundle_travels_in_parts(world):
    await world.start(limit=2.0)
    node = await world.node()
    text = "".join(service(f"service-{n}", f"goal-{n}") for n in range(5000))
    answer = await world.apply(text)
    assert (answer["revision"], answer["nodes"]) == (1, {"synced": 1, "of": 1})
    assert world.seen.count(("Prepare", 1)) > 1
    assert len(node.active[-1][1][1]) == 5000
    found, offset = 0, 0
    while offset is not None:
        page = await world.ask("get", {"offset": offset})
        found, offset = found + len(page["items"]), page.get("next")
    assert found == 5000


async def test_a_speaker_for_another_node_is_not_heard(world):
    engine = await world.start()
    world.alive.add("n1")
    slow = asyncio.ensure_future(world.apply(service("reviews")))
    for _ in range(20):
        world.bus.publish(SUBJECTS.acknowledge("n2"), encode(Acknowledge("n1", 1, "active")))
        await asyncio.sleep(0.01)
    assert (await slow)["nodes"] == {"synced": 0, "of": 1}
    assert engine._rollout.nodes == {}


def test_the_kinds_of_pushes_are_told_apart():
    for push in (Prepare(0, 1, "", ()), Activate(1)):
        assert _push.decode(encode(push)) == push
