"""The proxy actor: a node's own view of the mesh. It owns what the data path reads; requests never wait for it.

Registry and policy changes reach it as messages; it swaps immutable snapshots, and a request goes on with the one
that it began with.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..bus.bus import BusState
from ..loop.slice import Slices, Steps
from ..loop.timer import Deadlines
from ..messages.codec import Codec
from ..messages.disruption import Disruption
from ..messages.envelope import ReplyFrame
from ..messages.error import Undecodable
from ..messages.instance import Instance
from ..messages.rule import Rule
from ..routing.decide import Decision, Reason, decide
from ..routing.table import RouteTable, begin_table, compile_table
from ..runtime.actor import Actor
from .ahead import hashes
from .call import Call
from .chain import Chain, Chains
from .counts import Counts
from .disrupted import Disruptions
from .endpoint import Endpoint
from .event import Emitter
from .hearing import Hearing
from .locality import NOT_KNOWN, Here
from .rate_limits import RateLimits
from .running import Observer, Running
from .scoring import Scoring
from .share import Around
from .snapshot import Directory, Snapshot
from .waiting import Done
from .wire import Wire, resolver

KEPT = 8
"""Policy revisions that a node keeps, for calls whose origin decided by an earlier one."""


class Instances(msgspec.Struct, frozen=True):
    """The registry changed: instances by key, None for one that is gone."""

    changes: Mapping[str, bytes | None]
    whole: bool
    """True for a snapshot: whoever is not in it is gone."""


class Proxy(Actor):
    """One node's data plane."""

    def __init__(
        self,
        wire: Wire,
        deadlines: Deadlines,
        rng: random.Random,
        clock: Callable[[], float],
        observer: Observer,
        here: Here = NOT_KNOWN,
        wall_clock: Callable[[], float] | None = None,
    ) -> None:
        """`here` is where the node is: the localities of calls count from there."""
        loop = asyncio.get_running_loop()
        self.wire = wire
        self.hearing = Hearing(
            clock, loop.call_later, lambda: wire.bus.state is BusState.CONNECTED and not wire.bus.stalled
        )
        """What the judges of outliers share."""
        slices = Slices(loop, clock)
        directory = self.directory = Directory(rng, slices, Around(here, clock, deadlines), self.hearing)
        wire.noted = Scoring(deadlines, clock, directory.services, directory.refresh, slices).noted
        self.hearing.known = lambda service: len(directory.services().get(service, ()))
        self._steps = Chains(wire, deadlines, rng)
        self.emitter = Emitter(wire, self.directory.topics, self._steps, rng, clock, observer)
        """Sends events to those who are interested."""
        self.counts = Counts(self.directory)
        self.disruptions = Disruptions(wire, rng, wall_clock or clock)
        """Faults put in on purpose."""
        self._draw = rng.random
        self.clock = clock
        """Monotonic seconds."""
        self._observer = observer
        self._instances: dict[str, Instance] = {}
        self._nodes: set[str] | None = None
        self._instance = Codec[Instance](Instance)
        self._rule = Codec[Rule](Rule)
        self._rules: dict[str, tuple[bytes, Rule]] = {}
        self.snapshot = Snapshot(compile_table({}), {}, self.directory, self._steps)
        self._kept: dict[int, Snapshot] = {0: self.snapshot}
        self.undecodable = 0
        self._followers: list[Callable[[RouteTable, bool], object]] = []

    # The data path

    async def send(self, call: Call) -> ReplyFrame:
        """Route a call and bring its reply.

        Raises:
            MeshError: the mesh has no answer of the service; the error says why.
        """
        future: asyncio.Future[ReplyFrame] = asyncio.get_running_loop().create_future()
        running = self.start(call, resolver(future))
        try:
            return await future
        finally:
            running.cancel()

    def start(self, call: Call, done: Done) -> Running:
        """Route a call and send it off; `done` takes the reply, or why there is none, perhaps before this returns."""
        running = Running(self._observer, self.clock, call, done, self.clock())
        running.start(self)
        return running

    def route(self, call: Call) -> Chain:
        """Decide where the call goes and return the chain that brings it there.

        A call inside the mesh is decided by its origin's revision where this node has it, else by the newest.

        Raises:
            NoRoute: no rule matches.
            UnknownSubset: the route names a subset that nothing defines.
        """
        snapshot = self.snapshot
        if call.revision and call.revision != snapshot.table.revision:
            snapshot = self._kept.get(call.revision, snapshot)
        decision = decide(snapshot.table, call, self._draw)
        call.decision = decision
        call.revision = decision.revision
        call.action = decision.action
        call.cluster, chain = snapshot.way(decision)
        call.routed = True
        return chain

    def explain(self, call: Call) -> tuple[Decision, list[Reason], tuple[str, ...]]:
        """Decide without sending; with the reasons, and the steps of the chain.

        Raises:
            NoRoute, UnknownSubset: as `route`.
        """
        reasons: list[Reason] = []
        decision = decide(self.snapshot.table, call, self._draw, reasons)
        return decision, reasons, self.snapshot.steps(decision)

    def unread(self) -> int:
        """Return how many of the registry's entries were no instances."""
        return self.undecodable

    @property
    def mirrored(self) -> Mapping[tuple[str, str], int]:
        """Copies of requests by (service, `sent` or `dropped`)."""
        return self._steps.mirrors.counts

    @property
    def limits(self) -> RateLimits:
        """Counts calls against the rate limits."""
        return self.directory.limits

    @property
    def chains(self) -> Chains:
        """Makes the chains; it knows what copies and fallbacks have come to."""
        return self._steps

    # The registry's side

    def receive(self, message: Any) -> None:
        """Take in what the registry says."""
        if isinstance(message, Instances):
            self._apply(message)
        else:
            super().receive(message)

    def _apply(self, message: Instances) -> None:
        self._nodes = None
        touched: dict[str, None] = {}
        gone: list[Endpoint] = []
        left = [key for key, value in message.changes.items() if value is None]
        if message.whole:
            left += [key for key in self._instances if key not in message.changes]
        for key in left:
            old = self._instances.pop(key, None)
            endpoint = None if old is None else self.directory.take_out(old.service, old.id, refresh=False)
            if endpoint is not None:
                touched[endpoint.instance.service] = None
                gone.append(endpoint)
        for key, value in message.changes.items():
            if value is None:
                continue
            try:
                instance = self._instance.decode(value)
            except Undecodable:
                self.undecodable += 1
                continue
            self._instances[key] = instance
            touched[instance.service] = None
            replaced = self.directory.put(instance, refresh=False)
            if replaced is not None:
                replaced.gone = True
                gone.append(replaced)
        for service in touched:
            self.directory.refresh(service)
        for endpoint in gone:  # what waits for one may go on at another, whom it must find
            self.wire.gone(endpoint)

    @property
    def instances(self) -> Mapping[str, Instance]:
        """Everybody in the registry, by key."""
        return self._instances

    def member(self, node: str) -> bool:
        """Return whether a node of that name has an instance in the registry."""
        if self._nodes is None:
            self._nodes = {instance.node for instance in self._instances.values()}
        return node in self._nodes

    # The policy engine's side

    def prepare(self, revision: int, entries: Mapping[str, bytes]) -> Steps[Snapshot]:
        """Compile a revision and keep it ready, in slices: requests go on meanwhile.

        Raises:
            Undecodable: an entry is no rule.
            ValueError: the rules do not compile.
        """
        rules: dict[str, tuple[bytes, Rule]] = {}
        for key, data in entries.items():
            kept = self._rules.get(key)
            if kept is not None and kept[0] == data:
                rules[key] = kept
                continue
            rules[key] = data, self._rule.decode(data)
            yield
        yield
        decoded = {key: rule for key, (_, rule) in rules.items()}
        table, steps = begin_table(decoded, revision, self.snapshot.table)
        yield from steps
        yield from self.directory.make_ahead([one for _, one in rules.values() if hashes(one)])
        self._rules = rules
        snapshot = self._kept[revision] = Snapshot(table, decoded, self.directory, self._steps)
        for old in sorted(self._kept)[:-KEPT]:
            if old != self.snapshot.revision:
                del self._kept[old]
        self._tell(table, False)
        return snapshot

    def activate(self, _revision: int, prepared: object) -> None:
        """From now on requests that begin here decide by this snapshot."""
        assert isinstance(prepared, Snapshot)
        self.snapshot = prepared
        self.directory.revision = prepared.revision
        self.disruptions.use(one for one in prepared.rules.values() if isinstance(one, Disruption))
        self.directory.limits.keep(prepared.table.limits)
        self._tell(prepared.table, True)

    def follow(self, told: Callable[[RouteTable, bool], object]) -> None:
        """Have `told` hear of every route table: when it is prepared, and (True) when it is in force."""
        self._followers.append(told)

    def unfollow(self, told: Callable[[RouteTable, bool], object]) -> None:
        """Tell it no more; harmless where it is not told: an instance may leave twice, by `drain` and by a signal."""
        if told in self._followers:
            self._followers.remove(told)

    def _tell(self, table: RouteTable, in_force: bool) -> None:
        for told in self._followers:
            told(table, in_force)

    @property
    def table(self) -> RouteTable:
        """The route table in force."""
        return self.snapshot.table
