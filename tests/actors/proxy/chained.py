"""What stands around a filter in its tests: a call, and a rest of the chain that does as it is told."""

import asyncio
import random

from plait.actors.messages.envelope import ReplyFrame
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.cluster import Cluster
from plait.actors.proxy.wait import pause

OK = ReplyFrame(1, 200, [], b"")


def now():
    return asyncio.get_running_loop().time()


def a_call(method="GET", **more):
    call = Call(Caller("me"), 1, "s", method, "/", "", "s", [], b"", {}, "")
    call.cluster = Cluster("s", "", random.Random(1))
    for field, value in more.items():
        setattr(call, field, value)
    return call


class Next:
    """The rest of the chain: gives its outcomes one after the other, the last one for ever, each after `seconds`."""

    def __init__(self, *outcomes, seconds=0.0, untried=1, deadlines=None):
        self.outcomes = list(outcomes)
        self.seconds = seconds
        self.untried = untried
        self.deadlines = deadlines
        self.times = []

    async def __call__(self, call):
        self.times.append(now())
        call.attempts += 1
        call.tried.append(object())
        call.untried = self.untried
        if self.seconds:
            await pause(self.deadlines, self.seconds, call)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
