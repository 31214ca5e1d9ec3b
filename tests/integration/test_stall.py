"""An instance that stood still: of the calls that waited for it none is executed after its caller's deadline."""

import asyncio
import os
import random
import signal
import time

import pytest

from plait.actors.bus import lean
from plait.actors.messages.codec import decode_reply, encode
from plait.actors.messages.envelope import VERSION, CallFrame
from plait.actors.messages.error import MissedDeadline, Stalled
from plait.actors.messages.subject import Subjects

pytestmark = pytest.mark.anyio

LIMIT = 0.3
"""Seconds that a caller gives each call."""


class Raw:
    """A caller that sends frames of its own making, and never takes one back when its time is over."""

    def __init__(self, bus, instance):
        self.bus = bus
        self.replies = []
        self._subjects = Subjects()
        self._instance = instance
        self._caller = "raw-caller"
        bus.inbox(self._subjects.replies(self._caller, bus.token))

    def send(self, path):
        """Send one call with its deadline in a header, on the clock that all processes of a machine share."""
        service = self._instance["service"]
        headers = [("x-deadline", repr(time.monotonic() + LIMIT))]
        frame = CallFrame(
            VERSION, random.getrandbits(63), 1, "GET", service, path, "", headers, b"", int(LIMIT * 1e6), ""
        )
        prefix = self._subjects.reply_prefix(service, self._caller, self.bus.token)
        reply = prefix + b"%d" % (len(self.replies) + 1)
        answer = asyncio.get_running_loop().create_future()
        self.replies.append(answer)
        subject = self._subjects.call(service, "get", self._instance["id"], self._caller)
        self.bus.request(subject, encode(frame), reply, lambda data: answer.done() or answer.set_result(data))

    async def outcomes(self):
        """The causes of all replies; None for a call that was not answered."""
        await asyncio.wait(self.replies, timeout=3.0)
        found = []
        for answer in self.replies:
            data = answer.result() if answer.done() else None
            found.append(decode_reply(data).cause if isinstance(data, bytes) else None)
        return found


async def test_no_call_that_waited_for_a_stopped_instance_runs_after_its_deadline(mesh, bus, eventually):
    node = mesh.node("oddities:Punctual")
    (instance,) = await bus.instances("punctual")
    wire = await lean.connect(mesh.nats, "raw caller", rng=random.Random(1))
    try:
        caller = Raw(wire, instance)
        await wire.flush()
        for _ in range(20):
            caller.send("/inline")
        assert set(await caller.outcomes()) == {0}
        os.kill(node.pid, signal.SIGSTOP)
        for _ in range(20):  # a second's worth of calls, up to the moment at which it goes on
            for path in ("/inline", "/waiting") * 20:
                caller.send(path)
            await asyncio.sleep(0.05)
        os.kill(node.pid, signal.SIGCONT)
        for _ in range(20):
            caller.send("/waiting")
            await asyncio.sleep(0.02)
        outcomes = await caller.outcomes()
        counts = mesh.plait("call", "punctual", "/counts").stdout
    finally:
        await wire.close()
    assert len(outcomes) == 840
    assert counts == f'{{"ran":{outcomes.count(0)},"late":0}}'
    assert outcomes.count(Stalled.cause) >= 500, "they were read, and refused as safe to repeat"
    assert set(outcomes) <= {0, None, Stalled.cause, MissedDeadline.cause}
    assert outcomes[-5:] == [0] * 5, "it works again"
    assert len(await bus.instances("punctual")) == 1
