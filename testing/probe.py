"""Sits between a simulated node's actors and their messages, and tells the invariants what it sees."""

from collections import deque
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from ..actors.runtime.actor import Actor
from ..actors.runtime.cell import Cell
from ..actors.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from .host import Host
    from .invariant import Invariants


class Watched:
    """One life of an actor."""

    __slots__ = ("busy", "most")

    def __init__(self, most: int) -> None:
        self.busy = 0
        self.most = most


class NodeProbe:
    """See `actors.runtime.surroundings.Probe`; one per host, for all of its lives."""

    def __init__(self, host: "Host", invariants: "Invariants") -> None:
        self._host = host
        self._invariants = invariants
        self._times: dict[Supervisor, tuple[float, deque[float]]] = {}

    def born(self, cell: Cell, actor: Actor) -> None:
        """Wrap the actor's `receive`; what it becomes later is not seen."""
        watched, handle = Watched(cell.most), actor.receive
        host, invariants = self._host, self._invariants

        def receive(message: Any) -> Any:
            invariants.began(host, watched, cell, message)
            try:
                answer = handle(message)
            except BaseException:
                watched.busy -= 1
                raise
            if type(answer) is CoroutineType:
                hand = cell.hand
                deadline = hand.deadline if hand is not None and hand.deadline is not None else float("inf")
                return waits(answer, invariants.waits(host, watched, cell, message, deadline, host.stood_still))
            watched.busy -= 1
            return answer

        async def waits(work: Any, number: int) -> Any:
            try:
                answer = await work
            except BaseException:
                invariants.ended(watched, number, done=False)
                raise
            invariants.ended(watched, number, done=True)
            return answer

        actor.receive = receive  # type: ignore[method-assign]

    def restarted(self, supervisor: Supervisor, child: str) -> None:
        """Tell the invariants; see `Probe.restarted`."""
        since, times = self._times.get(supervisor, (-1.0, deque[float]()))
        if since != supervisor.since:  # started anew itself, it counts anew
            times = deque[float]()
        self._times[supervisor] = supervisor.since, times
        self._invariants.restarted(self._host, supervisor, times)

    def gave_up(self, supervisor: Supervisor) -> None:
        """Write it down."""
        self._host.trace.note(f"{self._host.name}/{supervisor.path} gives up: {supervisor.trouble}")
