"""A process beside `plait up`: when it is ready, when it is started again, when it is given up."""

import asyncio
import os
import random
import stat

import pytest

from plait.actors.loop.backoff import Backoff
from plait.actors.messages.error import StartFailed
from plait.mesh.plan import Patience, Plan, Restart
from plait.mesh.process import Process

pytestmark = pytest.mark.anyio

QUICK = Patience(Backoff(base=0.001, ceiling=0.001), tries=2)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Makes processes that run a script in the place of `plait node`; each run leaves a line in `runs`."""
    script = tmp_path / "program"
    monkeypatch.setattr("plait.mesh.process.sys.executable", str(script))

    class World:
        runs = tmp_path / "runs"
        gave_up = asyncio.Event()
        reason = ""
        made: Process

        def process(self, text, restart=Restart.ALWAYS, directory=""):
            script.write_text(f"#!/bin/sh\necho run >> {self.runs}\n{text}\n")
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
            plan = Plan("p", ("m:C",), restart=restart, patience=QUICK, directory=directory)
            self.made = Process("p-1", plan, [], dict(os.environ), random.Random(1), self.give_up)
            return self.made

        def give_up(self, reason):
            self.reason = reason
            self.gave_up.set()

        def count(self):
            return len(self.runs.read_text().splitlines()) if self.runs.exists() else 0

    return World()


@pytest.mark.parametrize(
    ("restart", "status", "runs"),
    [
        (Restart.ALWAYS, 0, 3),
        (Restart.ALWAYS, 1, 3),
        (Restart.ON_FAILURE, 1, 3),
        (Restart.ON_FAILURE, 0, 1),
        (Restart.NEVER, 1, 1),
    ],
)
async def test_it_is_started_again_as_its_plan_says(world, until, restart, status, runs):
    process = world.process(f"exit {status}", restart)
    await process.start()
    process.keep()
    watch = process._watch
    await until(watch.done)
    assert (world.count(), world.gave_up.is_set()) == (runs, runs == 3)
    assert not world.reason or f"ended 3 times, last with status {status}" in world.reason
    await process.stop()


async def test_it_is_ready_when_it_says_so_among_other_words(world):
    process = world.process("echo alreadyready; printf 'rea'; echo dy; exec sleep 60")
    await process.start()
    await process.ready(10.0)
    assert process.pid
    await process.stop()
    assert not process.pid


async def test_words_that_nobody_reads_do_not_block_it(world, until):
    process = world.process("echo ready; head -c 300000 /dev/zero; echo done >> " + str(world.runs) + "; exec sleep 60")
    await process.start()
    await process.ready(10.0)
    await until(lambda: world.count() == 2)
    await process.stop()


async def test_one_that_ends_before_it_is_ready_did_not_start(world):
    process = world.process("exit 1")
    await process.start()
    with pytest.raises(StartFailed, match="does not start"):
        await process.ready(10.0)
    await process.stop()
    assert world.count() == 1


async def test_one_that_says_nothing_was_not_ready_in_time(world):
    process = world.process("exec sleep 60")
    await process.start()
    with pytest.raises(StartFailed, match="not ready within"):
        await process.ready(0.05)
    await process.stop()


async def test_a_folder_that_is_gone_is_told(world, tmp_path):
    process = world.process("exit 0", directory=str(tmp_path / "gone"))
    with pytest.raises(StartFailed, match="gone"):
        await process.start()
    await process.stop()
