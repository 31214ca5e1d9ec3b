"""What must hold in every simulated run, whatever happens in it. The first that does not ends the run."""

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from ..actors.proxy.inbound import Served
from ..actors.runtime.cell import Cell
from ..actors.runtime.supervisor import Supervisor
from .failure import Violation
from .probe import Watched

if TYPE_CHECKING:
    from .host import Host
    from .network import SimBus, SimServer

LATE = 0.05
"""Seconds that work may end after its deadline: timers fire up to 5 ms late, and cancelled work cleans up."""
_CALLS = 50_000
"""Calls whose sending and answers are remembered."""


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
        self._calls, self._replies = f"plait.{mesh}.call.".encode(), f"plait.{mesh}.rsp.".encode()
        self._sent: OrderedDict[bytes, float] = OrderedDict()
        self._answered: OrderedDict[bytes, None] = OrderedDict()
        self._slack = 0.0
        server.routed = self._routed

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
            if subject in self._answered and not self.repeats:
                self.violated(f"the call {subject.decode()} was answered twice, now by {sender.name}")
            self._answered[subject] = None
            if len(self._answered) > _CALLS:
                self._answered.popitem(last=False)
        elif subject.startswith(self._calls):
            self.repeats = self.repeats or bool(self._server.lines.duplicate)
            self._slack = max(self._slack, 2 * self._server.lines.longest + 0.01)
            self._sent[reply] = self._world.now
            if len(self._sent) > _CALLS:
                self._sent.popitem(last=False)

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
        if isinstance(message, Served) and message.frame.timeout is not None:
            sent = self._sent.get(message.key)
            if (
                sent is not None
                and (late := self._world.now - sent - message.frame.timeout / 1e6) > self._slack + host.unnoticed
            ):
                self.violated(
                    f"{cell.address} begins {_what(message)} {late:.6f} s after its caller's deadline: "
                    "it lay somewhere meanwhile"
                )

    def ended(self, host: "Host", watched: Watched, cell: Cell, message: Any, deadline: float, stood: float) -> None:
        """It has handled it, without having been cancelled; `stood` is how long the node had stood still before."""
        watched.busy -= 1
        late = host.loop.time() - deadline - (host.stood_still - stood)
        if late > LATE and not host.loop.dead:
            self.violated(f"{cell.address} goes on with {_what(message)} {late:.3f} s after its deadline")

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
        seen = [0, 0, 0]
        node, checked = host.node, self.checked
        names = ("policy", "rules that decide", "registry")

        def look() -> None:
            checked["turns"] += 1
            try:
                now = (node.policy.revision, node.proxy.snapshot.table.revision, node.registry.revision)  # type: ignore[union-attr]
            except AttributeError:
                return  # it is being started
            for place, revision in enumerate(now):
                if revision < seen[place]:
                    self.violated(f"the {names[place]} of {host.name} went back from {seen[place]} to {revision}")
                seen[place] = revision

        host.loop.after = look


def _what(message: Any) -> str:
    if isinstance(message, Served):
        return f"{message.frame.method} {message.frame.path}"
    return type(message).__name__
