"""The mesh as those see it who are no part of it: calls, events and actors, by a connection that nobody calls.

It knows who is there and by which rules, as every node does. `client.connect` makes one.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import msgspec
from opentelemetry import trace

from ..actors.bus.ask import Asker
from ..actors.bus.bus import Bus
from ..actors.loop.timer import Deadlines
from ..actors.messages.envelope import Headers, ReplyFrame
from ..actors.messages.error import BusUnavailable, DeadlineExceeded, Disconnected, MeshError
from ..actors.messages.instance import Instance
from ..actors.messages.name import called_token
from ..actors.messages.subject import Subjects
from ..actors.proxy.call import Call, Caller
from ..actors.proxy.proxy import Instances, Proxy
from ..actors.proxy.revision import PolicyFollower
from ..actors.proxy.running import Running
from ..actors.proxy.waiting import Done
from ..actors.proxy.wire import Wire
from ..actors.runtime.post import Post
from ..actors.runtime.ref import Ref
from ..actors.runtime.surroundings import Surroundings
from ..actors.service.calling import Calling
from ..actors.table.follower import Follower
from ..tracing.baggage import BaggageNames
from ..tracing.context import request_id
from ..tracing.sampler import HeadSampler
from .address import Target

GRACE = 0.25
"""Seconds that a connection stays when it is closed, for members that do not take an event: another one gets it."""

_BAGGAGE = BaggageNames()


class _Silent:
    """Observes nothing: whoever calls from outside counts by means of its own."""

    def answered(self, call: Call, reply: ReplyFrame, seconds: float) -> None:
        """Nothing."""

    def failed(self, call: Call, error: MeshError, seconds: float) -> None:
        """Nothing."""


class _Tracked(Running, kw_only=True, eq=False):
    """A call that its proxy knows until its caller is through with it."""

    under_way: dict[int, Running]

    def cancel(self) -> None:
        """Nobody waits any more, or the outcome is there: callers end every call by this."""
        self.under_way.pop(self.call.number, None)
        super().cancel()


class _Proxy(Proxy):
    """A proxy that can fail what is under way when its connection is closed."""

    under_way: dict[int, Running]

    def start(self, call: Call, done: Done) -> Running:
        """Route a call and send it off, see `Proxy.start`."""
        began = self.clock()
        running = _Tracked(self._observer, self.clock, call, done, began, under_way=self.under_way)
        self.under_way[call.number] = running
        running.start(self)
        return running


class Outside(Bus, Protocol):
    """A bus that can wait for its answers."""

    async def answered(self, timeout: float) -> None:
        """Wait until nobody waits for an answer any more, at most `timeout` seconds."""
        ...


class _Outlet(msgspec.Struct, frozen=True, eq=False):
    caller: Caller
    proxy: _Proxy


class Mesh(Calling[_Outlet]):
    """What `plait.connect` gives: `call`, `emit`, `find`, `instances`. It belongs to the event loop it was made in."""

    def __init__(
        self,
        bus: Outside,
        target: Target,
        name: str,
        sampling: float,
        *,
        unique: str,
        rng: random.Random,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """Take over `bus`; `open` makes it ready.

        Args:
            unique: what tells this connection's replies from those of others of its name.
            rng: chance.
            clock: seconds that only grow; not uvloop's own, which stand still during a turn: a limit is counted from
                the call on.
            wall_clock: seconds since 1970, by which faults end.
        """
        loop = asyncio.get_running_loop()
        caller = Caller(f"{name or 'client'}-{unique}", name, "")  # no instance: the registry vouches for nothing
        self._bus = bus
        self._target = target
        self._deadlines = Deadlines(loop)
        # A name of its own for actors' answers: those of registry and policy engine come to the caller's.
        self._surroundings = Surroundings(loop, self._deadlines, rng, clock, f"{caller.name}-actors")
        self._sampler = HeadSampler(sampling, rng)
        subjects = Subjects(target.mesh)
        self._asker = Asker(bus, subjects, caller.name, self._deadlines)
        self._post = Post(bus, subjects, self._surroundings)
        self._post.open()
        wire = Wire(bus, subjects, self._deadlines, clock)
        proxy = _Proxy(wire, self._deadlines, rng, clock, _Silent(), wall_clock=wall_clock)
        proxy.under_way = {}
        self.hosting = _Outlet(caller, proxy)
        wire.open(caller)
        self._registry = Follower(
            self._asker, "reg", "registry", lambda changes, whole: proxy.receive(Instances(changes, whole)), rng
        )
        self._policy = PolicyFollower(self._asker, "", proxy.prepare, proxy.activate, rng, clock=clock)
        self._closed = False

    async def open(self, timeout: float) -> None:
        """Learn who is there and by which rules.

        Raises:
            DeadlineExceeded: nobody told it within `timeout` seconds.
        """
        self._registry.start()
        self._policy.start()
        who = "registry"
        try:
            async with asyncio.timeout(timeout):
                await self._registry.ready(timeout)
                who = "policy engine"
                await self._policy.ready(timeout)
        except (DeadlineExceeded, TimeoutError):
            raise DeadlineExceeded(
                f"the mesh {self._target.mesh!r} has no {who} on this bus ({self._target.shown}), or it does not answer"
            ) from None

    @property
    def surroundings(self) -> Surroundings:
        """Time, chance and timers.

        Raises:
            RuntimeError: asked for in another event loop or thread.
            BusUnavailable: the connection was closed.
        """
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is not self._surroundings.loop:
            raise RuntimeError(
                "this connection to the mesh belongs to another event loop: make one with plait.connect() in each, "
                "or come back by asyncio.run_coroutine_threadsafe"
            )
        if self._closed:
            raise BusUnavailable("this connection to the mesh is closed")
        return self._surroundings

    def _origin(self, headers: Headers) -> tuple[dict[str, str], str, str]:
        """Return how a call begins here: baggage from its headers, as at the gateway, and the application's own span.

        Where OpenTelemetry has a current span the call continues its trace, and is recorded if that is; else a new one
        begins.
        """
        rng = self._surroundings.rng
        baggage = _BAGGAGE.collect(headers)
        baggage.setdefault("x-request-id", request_id(rng))
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            traceparent = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & 1:02x}"
            return baggage, traceparent, span.trace_state.to_header()
        return baggage, self._sampler.admit().traceparent, ""

    def instances(self, service: str) -> list[Instance]:
        """Return the instances of a service as the registry tells them, by id; those that leave are among them.

        Raises:
            InvalidName: the service's name is none.
        """
        known = self.hosting.proxy.directory.services().get(called_token(service, self.namespace), {})
        return [known[name].instance for name in sorted(known)]

    def find(self, address: str) -> Ref:
        """Return how to tell and ask the actor at `node/path`, whether it is there or not.

        Raises:
            InvalidName: the address is not `node/path`.
        """
        return Ref.to(address, self.surroundings)

    async def close(self) -> None:
        """Leave; calls under way fail with `Disconnected`, emitted events are sent. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        proxy = self.hosting.proxy
        for running in tuple(proxy.under_way.values()):
            running.cancel()
            running.done(Disconnected("the connection to the mesh was closed while the call was under way"))
        await self._registry.stop()
        await self._policy.stop()
        self._asker.close()
        self._post.close()
        with suppress(BusUnavailable):
            await self._bus.flush(1.0)
            await self._bus.answered(GRACE)
        proxy.wire.close(self.hosting.caller)
        await self._bus.close()
        self._deadlines.close()
