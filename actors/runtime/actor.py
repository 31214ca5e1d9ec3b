"""What an actor is to those who write one, and how a child is to be run."""

import asyncio
import enum
import random
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from ..loop.eager import Eager
from ..loop.timer import Deadlines
from ..messages.error import UnknownMessage


class Ref(Protocol):
    """How others reach an actor, whichever life it is in."""

    @property
    def name(self) -> str:
        """The actor's name, unique among its siblings."""
        ...

    def tell(self, message: Any) -> None:
        """Send without an answer.

        Raises:
            Overloaded: the mailbox is full.
            ActorStopped: the actor does not run and will not.
        """
        ...

    async def ask(self, message: Any, timeout: float) -> Any:
        """Send and wait for the answer, at most `timeout` seconds.

        Raises:
            DeadlineExceeded: no answer came in time.
            Overloaded, ActorStopped: as `tell`.
            Exception: what the actor raised while it handled the message.
        """
        ...


class Surroundings:
    """What an actor is given instead of reaching for it: time, chance, timers and its own ref."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        rng: random.Random,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.loop = loop
        self.deadlines = deadlines
        self.rng = rng
        self.eager = Eager(loop)
        self.clock = clock or loop.time
        """Monotonic seconds on the loop's own scale. A real node gives `time.monotonic`: uvloop's `time()` stands still
        during a turn, which a stopped process would take for time that has not passed."""


class Actor:
    """State that is touched by one message at a time. Subclass it; the runtime calls the methods in this order."""

    surroundings: Surroundings
    me: Ref

    async def pre_start(self) -> None:
        """Make ready; an error here fails the start and is told to whoever started the actor."""

    def receive(self, message: Any) -> Any:
        """Handle one message; what is returned answers an ask. An error here ends this life of the actor.

        Define it with `async def` where handling waits for something; a plain `def` answers at once, without a task.
        """
        raise UnknownMessage(f"{type(self).__name__} receives no messages, got {type(message).__name__}")

    def unread(self) -> int:
        """Return how many messages that came from the bus this life could not read."""
        return 0

    async def post_stop(self) -> None:
        """Put away what `pre_start` made; runs at the end of every life that started, also before a restart."""


class Restart(enum.Enum):
    """Whether an actor that ended is started again (Erlang/OTP)."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only when it failed."""
    TEMPORARY = "temporary"
    """Never."""


class ChildSpec(msgspec.Struct, frozen=True):
    """How a supervisor runs one child (Erlang/OTP's child spec)."""

    name: str
    start: Callable[[], Actor]
    """Makes the actor, anew for each life."""
    restart: Restart = Restart.PERMANENT
    shutdown: float = 5.0
    """Seconds to finish in when told to stop; then the work in hand is cancelled."""
    concurrency: int = 1
    """Messages handled at a time; 1 is turn-based."""
    mailbox: int = 1000
    """Messages that may wait."""
