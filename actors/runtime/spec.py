"""How a child is to be run: what a supervisor is told about an actor, and about a supervisor below it.

The words and rules are Erlang/OTP's (`supervisor`: child specs, restart types, strategies, intensity, auto-shutdown).
"""

import enum
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ..loop.backoff import Backoff

if TYPE_CHECKING:
    from .actor import Actor


class Restart(enum.Enum):
    """Whether a child that ended is started again."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only when it failed."""
    TEMPORARY = "temporary"
    """Never, not even where a sibling's failure has ended it."""


class Strategy(enum.Enum):
    """Who is restarted together with a child that failed."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody else."""
    ONE_FOR_ALL = "one_for_all"
    """All of its siblings."""
    REST_FOR_ONE = "rest_for_one"
    """Those that were started after it."""


class AutoShutdown(enum.Enum):
    """Whether a supervisor ends when its significant children have ended by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class Overflow(enum.Enum):
    """What a full mailbox does with one message more."""

    REJECT = "reject"
    """The sender hears `Overloaded`, which is safe to retry."""
    DROP_OLDEST = "drop_oldest"
    """The message that waited longest makes room; whoever asked it hears `Overloaded`."""
    DROP_NEWEST = "drop_newest"
    """The new message is dropped; an asker hears `Overloaded`, a teller does not."""


class Limits(msgspec.Struct, frozen=True):
    """How much trouble a supervisor bears."""

    intensity: int = 5
    """Restarts allowed within `period`."""
    period: float = 10.0
    backoff: Backoff = Backoff()


class ChildSpec(msgspec.Struct, frozen=True):
    """How a supervisor runs one actor."""

    name: str
    start: "Callable[[], Actor]"
    """Makes the actor, anew for each life; mostly its class."""
    restart: Restart = Restart.PERMANENT
    shutdown: float = 5.0
    """Seconds to finish in when told to stop; then the work in hand is cancelled."""
    concurrency: int = 1
    """Messages handled at a time; 1 is turn-based, 0 is unbounded."""
    mailbox: int = 1000
    """Messages that may wait."""
    overflow: Overflow = Overflow.REJECT
    significant: bool = False
    """Its end by itself counts for its supervisor's `auto_shutdown`; only where it is not permanent."""
    sheds: bool = False
    """Its mail are calls: the more urgent come first, and those that wait too long are refused (see `call_box`)."""


class SupervisorSpec(msgspec.Struct, frozen=True):
    """How a supervisor runs another supervisor, and that one its children."""

    name: str
    children: "tuple[ChildSpec | SupervisorSpec, ...]" = ()
    strategy: Strategy = Strategy.ONE_FOR_ONE
    limits: Limits = Limits()
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    restart: Restart = Restart.PERMANENT
    shutdown: float = math.inf
    """Seconds that all of its children together may take to stop; then what is left is cancelled."""
    significant: bool = False


Spec = ChildSpec | SupervisorSpec
