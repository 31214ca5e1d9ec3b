"""Bringing a policy revision to the nodes in two phases, so that all hops of a request decide by one revision."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..bus.bus import Bus, Subscription
from ..loop.timer import Deadlines
from ..messages.codec import Codec, encode
from ..messages.error import Undecodable
from ..messages.subject import Subjects
from ..messages.table import Acknowledge, Activate, Change, Prepare
from ..table.snapshot import CHUNK

_acknowledgements = Codec[Acknowledge](Acknowledge)
_NUMBERS = 1 << 53  # no revision is later; who says so is mistaken
_NODES = 10_000  # nodes whose last word is kept; past it the one that has been silent longest makes room
_REASON, _STATE = 1000, 20  # characters of what a node says that are kept, however many it sends


class Word(NamedTuple):
    """What a node said last."""

    revision: int
    state: str
    reason: str
    since: float
    """Seconds since 1970 when it first said so."""


class Rollout:
    """Pushes revisions and listens to what nodes say about them."""

    def __init__(
        self,
        bus: Bus,
        subjects: Subjects,
        deadlines: Deadlines,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """`clock` gives monotonic seconds, `wall_clock` seconds since 1970."""
        self.nodes: dict[str, Word] = {}
        """The last word of each node."""
        self.times: list[float] = []
        """When, by `clock`, each node that was waited for came to decide by the last revision."""
        self.undecodable = 0
        self.told: Callable[[int], object] = lambda revision: None
        """Takes the revision that a node decides by, each time that one says so."""
        self._bus = bus
        self._subjects = subjects
        self._deadlines = deadlines
        self._clock = clock
        self._wall_clock = wall_clock
        self._subscription: Subscription | None = None
        self._wanted: tuple[int, str] = (0, "")
        self._open: set[str] = set()
        self._all: asyncio.Future[None] | None = None
        self._refusals: dict[str, str] = {}

    def start(self) -> None:
        """Listen for acknowledgements."""
        self._subscription = self._bus.subscribe(self._subjects.acknowledgements(), self._acknowledged)

    def close(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            self._subscription.unsubscribe()

    async def prepare(
        self, previous: int, revision: int, digest: str, changes: tuple[Change, ...], nodes: Iterable[str], limit: float
    ) -> dict[str, str]:
        """Push the changes and wait until every node has compiled them, at most `limit` seconds.

        Returns the nodes that refused, with their reasons.

        Raises:
            TooLarge, BusUnavailable, Overloaded: they could not be pushed.
        """
        parts = _cut(changes)
        waiting = self._expect(revision, "prepared", nodes)
        for part, chunk in enumerate(parts):
            push = Prepare(previous, revision, digest, chunk, part, len(parts))
            self._bus.publish(self._subjects.push("pol", str(revision)), encode(push))
        await self._within(waiting, limit)
        return dict(self._refusals)

    async def activate(self, revision: int, nodes: Iterable[str], limit: float) -> set[str]:
        """Push the activation; with a `limit`, wait so many seconds for the nodes; return those that have it.

        Raises:
            BusUnavailable, Overloaded: it could not be pushed.
        """
        nodes = set(nodes)
        waiting = self._expect(revision, "active", nodes)
        self._bus.publish(self._subjects.push("pol", str(revision)), encode(Activate(revision)))
        if limit:
            await self._within(waiting, limit)
        return {node for node in nodes if self.has(node, revision)}

    def has(self, node: str, revision: int) -> bool:
        """Return whether a node said that it decides by `revision` or a later one."""
        said = self.nodes.get(node)
        return said is not None and said.state == "active" and said.revision >= revision

    def ahead(self, nodes: Iterable[str], revision: int) -> int:
        """Return the latest revision after `revision` that one of `nodes` decides by; 0 where none does."""
        words = [word for word in map(self.nodes.get, nodes) if word is not None and word.state == "active"]
        return max((word.revision for word in words if revision < word.revision < _NUMBERS), default=0)

    def _expect(self, revision: int, state: str, nodes: Iterable[str]) -> "asyncio.Future[None]":
        self._wanted = (revision, state)
        self._open = set(nodes)
        self._refusals = {}
        self.times = []
        self._all = asyncio.get_running_loop().create_future()
        if not self._open:
            self._all.set_result(None)
        return self._all

    async def _within(self, waiting: "asyncio.Future[None]", limit: float) -> None:
        def late() -> None:
            if not waiting.done():
                waiting.set_result(None)

        deadline = self._deadlines.at(asyncio.get_running_loop().time() + limit, late)
        try:
            await waiting
        finally:
            deadline.cancel()

    def _acknowledged(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            said = _acknowledgements.decode(payload)
        except Undecodable:
            self.undecodable += 1
            return
        if not subject.endswith(b"." + said.node.encode(errors="replace")):
            self.undecodable += 1  # only the subject is proven: who speaks for another is not heard
            return
        if said.state == "active":
            self.told(said.revision)
        before = self.nodes.pop(said.node, None)
        word = Word(said.revision, said.state[:_STATE], said.reason[:_REASON], self._wall_clock())
        self.nodes[said.node] = before if before is not None and before[:3] == word[:3] else word
        if len(self.nodes) > _NODES:
            del self.nodes[next(iter(self.nodes))]
        revision, state = self._wanted
        if said.revision < revision or said.node not in self._open:
            return
        if said.revision == revision and said.state == "refused":
            self._refusals[said.node] = word.reason
        elif said.state != state and said.state != "active":
            return
        self._open.discard(said.node)
        if said.state == "active":
            self.times.append(self._clock())
        if not self._open and self._all is not None and not self._all.done():
            self._all.set_result(None)


def _cut(changes: tuple[Change, ...]) -> list[tuple[Change, ...]]:
    chunks: list[list[Change]] = [[]]
    size = 0
    for key, value in changes:
        cost = len(key) + len(value or b"") + 16
        if chunks[-1] and size + cost > CHUNK:
            chunks.append([])
            size = 0
        chunks[-1].append((key, value))
        size += cost
    return [tuple(chunk) for chunk in chunks]
