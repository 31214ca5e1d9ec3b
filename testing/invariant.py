"""What must hold in every simulated run, whatever happens in it. The first that does not ends the run."""

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, TypeVar

from ..actors.messages.actor import ActorFrame
from ..actors.messages.codec import Codec, decode_call
from ..actors.proxy.inbound import Served
from ..actors.runtime.cell import Cell
from ..actors.runtime.letter import Letter
from ..actors.runtime.supervisor import Supervisor
from .failure import Violation
from .probe import Watched

if TYPE_CHECKING:
    from .host import Host
    from .network import SimBus, SimServer

LATE = 0.05
"""Seconds that work may end after its deadline: timers fire up to 5 ms late, and cancelled work cleans up."""
OVERDUE = 0.5
"""Virtual seconds between two looks for work that goes on after its deadline."""
STALE = 3.0
"""Seconds after which lines that were slow once count as they are now."""
_CALLS = 20_000
"""Calls whose sending and answers are remembered."""

_actor_frames = Codec[ActorFrame](ActorFrame)
K = TypeVar("K")
V = TypeVar("V")


class Invariants:
    """Watches one run."""

    def __init__(self, server: "SimServer", mesh: str) -> None:
        self.broken: Violation | None = None
        self.checked = {"turns": 0, "handlings": 0, "answers": 0, "restarts": 0}
        """How often something was looked at: a run in which nothing was proves nothing."""
        self.repeats = False
        """Whether the lines have repeated messages: what comes twice is then handled twice."""
        self._server = server
        self._world = server.world
        prefix = f"plait.{mesh}."
        self._asks = tuple(f"{prefix}{kind}.".encode() for kind in ("call", "actor"))
        self._replies = f"{prefix}rsp.".encode()
        self._sent: OrderedDict[bytes, tuple[float, bytes, bytes]] = OrderedDict()
        self._answered: OrderedDict[bytes, None] = OrderedDict()
        self._twice: OrderedDict[bytes, None] = OrderedDict()
        self._slow = (0.0, 0.0)
        self._open: dict[Watched, dict[int, tuple[Host, Cell, Any, float, float]]] = {}
        server.routed, server.repeated = self._routed, self._repeated
        self._world.at(OVERDUE, self._overdue)

    def violated(self, text: str, cause: BaseException | None = None) -> None:
        """Something does not hold; only the first is kept: what follows may follow from it."""
        if self.broken is None:
            self.broken = Violation(f"at {self._world.now:.6f} s: {text}")
            self.broken.__cause__ = cause
            self._world.over = True

    # A call gets at most one answer

    def _routed(self, sender: "SimBus", subject: bytes, reply: bytes, payload: bytes) -> None:
        if subject.startswith(self._replies):
            self.checked["answers"] += 1
            if subject in self._answered and subject not in self._twice:
                self.violated(f"the call {subject.decode()} was answered twice, now by {sender.name}")
            _keep(self._answered, subject, None)
        elif reply and subject.startswith(self._asks):
            _keep(self._sent, reply, (self._world.now, subject, payload))
            self._slack()  # how slow the lines are now counts when it arrives, perhaps after the storm

    def _repeated(self, subject: bytes, reply: bytes) -> None:
        self.repeats = True
        if reply:
            _keep(self._twice, reply, None)

    # One message at a time; nothing past its deadline

    def began(self, host: "Host", watched: Watched, cell: Cell, message: Any) -> None:
        """An actor begins to handle a message."""
        self.checked["handlings"] += 1
        watched.busy += 1
        if watched.busy > watched.most:
            self.violated(f"{cell.address} handles {watched.busy} messages at once, {watched.most} are declared")
        hand = cell.hand
        if hand is None or hand.deadline is None:
            return
        now = host.loop.time()
        if now >= hand.deadline + 1e-6:
            self.violated(f"{cell.address} begins {_what(message)} {now - hand.deadline:.6f} s after its deadline")
        if isinstance(hand, Served | Letter):
            self._in_time(host, cell, hand)

    def _in_time(self, host: "Host", cell: Cell, hand: Served | Letter) -> None:
        """Hold what came over the bus against the deadline that its sender had."""
        sent = self._sent.get(hand.key)
        if sent is None:
            return
        when, subject, payload = sent
        frame = decode_call(payload) if subject.startswith(self._asks[0]) else _actor_frames.decode(payload)
        if frame.timeout is None:
            return
        late = self._world.now - when - frame.timeout / 1e6
        unnoticed = host.unnoticed if when <= host.joined_at else 0.0
        if late > self._slack() + unnoticed:
            self.violated(
                f"{cell.address} begins {_what(hand.message)} {late:.6f} s after its sender's deadline: "
                "it lay somewhere meanwhile"
            )

    def _slack(self) -> float:
        """Return how long a message may be on its way, also one that was sent while the lines were slower."""
        now, needed = self._world.now, 2 * self._server.weather.longest + 0.01
        slowest, when = self._slow
        if needed >= slowest or now - when > STALE:
            self._slow = needed, now
        return self._slow[0]

    def waits(self, host: "Host", watched: Watched, cell: Cell, message: Any, deadline: float, stood: float) -> int:
        """Handling goes on in a task; return its number for `ended`."""
        number = self.checked["handlings"]
        self._open.setdefault(watched, {})[number] = host, cell, message, deadline, stood
        return number

    def ended(self, watched: Watched, number: int, *, done: bool) -> None:
        """It has ended: `done`, or by an error or a cancellation."""
        watched.busy -= 1
        work = self._open[watched]
        entry = work.pop(number)
        if not work:
            del self._open[watched]
        if done:
            self._late(*entry)

    def _late(self, host: "Host", cell: Cell, message: Any, deadline: float, stood: float) -> None:
        late = host.loop.time() - deadline - (host.stood_still - stood)
        if late > LATE and not host.loop.dead and not host.loop.paused:
            self.violated(f"{cell.address} goes on with {_what(message)} {late:.3f} s after its deadline")

    def _overdue(self) -> None:
        """Look for work that goes on though its time is over."""
        for work in self._open.values():
            for entry in work.values():
                self._late(*entry)
        self._world.at(self._world.now + OVERDUE, self._overdue)

    # Supervisors

    def restarted(self, host: "Host", supervisor: Supervisor, times: deque[float]) -> None:
        """A supervisor restarts a child: never more often than its intensity allows."""
        self.checked["restarts"] += 1
        limits, now = supervisor.spec.limits, host.loop.time()
        times.append(now)
        while times and now - times[0] >= limits.period:
            times.popleft()
        if len(times) > limits.intensity:
            self.violated(
                f"{host.name}/{supervisor.path} has restarted {len(times)} times within {limits.period:g} s, "
                f"{limits.intensity} are allowed, and did not give up"
            )

    # Revisions never go back

    def follow(self, host: "Host") -> None:
        """Look after each turn of a node's present life whether a revision went back."""
        seen: list[tuple[int, int]] = [(0, 0)] * 3
        node, checked = host.node, self.checked
        names = ("policy", "rules that decide", "registry")

        def look() -> None:
            try:
                policy, registry = node.policy, node.registry  # type: ignore[union-attr]
                rules = node.proxy.snapshot.table.revision  # type: ignore[union-attr]
                now = ((0, policy.revision), (0, rules), (registry.epoch, registry.revision))
            except AttributeError:
                return  # it is being started
            checked["turns"] += 1
            for place, revision in enumerate(now):
                if revision < seen[place]:
                    self.violated(f"the {names[place]} of {host.name} went back from {seen[place]} to {revision}")
                seen[place] = revision

        host.loop.after = look


def _keep(known: "OrderedDict[K, V]", key: K, value: V) -> None:
    known[key] = value
    if len(known) > _CALLS:
        known.popitem(last=False)


def _what(message: Any) -> str:
    if isinstance(message, Served):
        return f"{message.frame.method} {message.frame.path}"
    return type(message).__name__
