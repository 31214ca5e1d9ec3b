"""What an actor is given instead of reaching for it: time, chance, timers, and the way to actors elsewhere."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..loop.eager import Eager
from ..loop.timer import Deadlines
from .copying import Copier
from .dead_letter import DeadLetters

if TYPE_CHECKING:
    from .actor import Actor
    from .cell import Cell
    from .remote import Remote
    from .supervisor import Supervisor


class Probe(Protocol):
    """Watches a node's actors and supervisors; the simulator checks its invariants with one. None in a real node."""

    def born(self, cell: "Cell", actor: "Actor") -> None:
        """A life begins; the actor's methods may be wrapped now."""
        ...

    def restarted(self, supervisor: "Supervisor", child: str) -> None:
        """A supervisor is about to restart a child that ended by itself."""
        ...

    def gave_up(self, supervisor: "Supervisor") -> None:
        """A supervisor stops its children and fails upward."""
        ...


class Surroundings:
    """One per node, shared by all of its actors."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        rng: random.Random,
        clock: Callable[[], float] | None = None,
        node: str = "local",
    ) -> None:
        self.loop = loop
        self.deadlines = deadlines
        self.rng = rng
        self.eager = Eager(loop)
        self.clock = clock or loop.time
        """Monotonic seconds on the loop's own scale. A real node gives `time.monotonic`: uvloop's `time()` stands still
        during a turn, which a stopped process would take for time that has not passed."""
        self.node = node
        self.root: Supervisor | None = None
        """The node's first supervisor: actors are found by their path below it."""
        self.remote: Remote | None = None
        """The way to actors of other nodes; None in a node without a bus."""
        self.copier = Copier(self)
        self.dead_letters = DeadLetters(node, self.clock)
        self.probe: Probe | None = None
        self.nested = 0
        """How many actors' turns stand on the stack: each told or asked by the one before it."""
