"""What nodes say about revisions is kept within bounds."""

import asyncio

import pytest

from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import encode
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Acknowledge
from plait.actors.policy import rollout
from plait.actors.policy.rollout import Rollout

pytestmark = pytest.mark.anyio


async def test_those_who_were_here_once_do_not_keep_newcomers_from_being_heard(monkeypatch):
    monkeypatch.setattr(rollout, "_NODES", 3)
    subjects = Subjects("m")
    bus = MemoryServer().connect("engine")
    engine = Rollout(bus, subjects, Deadlines(asyncio.get_running_loop()), lambda: 0.0, lambda: 0.0)
    engine.start()
    for node in ("old", "kept", "cli-1", "kept", "cli-2", "new"):
        bus.publish(subjects.acknowledge(node), encode(Acknowledge(node, 1, "active")))
    await bus.flush()
    assert sorted(engine.nodes) == ["cli-2", "kept", "new"]
    assert engine.has("new", 1)
    engine.close()
    await bus.close()


async def test_what_a_node_says_at_length_is_cut():
    subjects = Subjects("m")
    bus = MemoryServer().connect("engine")
    engine = Rollout(bus, subjects, Deadlines(asyncio.get_running_loop()), lambda: 0.0, lambda: 0.0)
    engine.start()
    bus.publish(subjects.acknowledge("n"), encode(Acknowledge("n", 1, "refused" * 50_000, "why " * 50_000)))
    await bus.flush()
    assert len("".join(engine.nodes["n"][1:3])) < 2000
    engine.close()
    await bus.close()
