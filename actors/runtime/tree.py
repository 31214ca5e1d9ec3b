"""A supervision tree as others see it: every supervisor and actor with its state, its restarts and what went wrong."""

import msgspec

from .cell import Cell
from .child import Child
from .supervisor import Supervisor


class Event(msgspec.Struct, frozen=True):
    """Something that a supervisor saw."""

    ago: float
    """Seconds."""
    what: str


class Branch(msgspec.Struct, frozen=True):
    """One child and what is below it."""

    name: str
    path: str
    """Where it stands in its node; empty for the first supervisor."""
    kind: str
    """`supervisor` or `actor`."""
    state: str
    restarts: int
    trouble: str
    """What the last life failed with; empty where none did."""
    age: float
    """Seconds of this life."""
    restart: str
    """permanent, transient or temporary."""
    strategy: str = ""
    """Of a supervisor."""
    depth: int = 0
    """Messages in the mailbox."""
    capacity: int = 0
    active: int = 0
    """Messages being handled that wait for something."""
    refused: int = 0
    dropped: int = 0
    handled: int = 0
    """Messages that had to wait in the mailbox."""
    waited: float = 0.0
    """Seconds that they waited on average."""
    longest: float = 0.0
    events: tuple[Event, ...] = ()
    children: "tuple[Branch, ...]" = ()


def branch(child: Child) -> Branch:
    """Return what there is to be seen of a child and of all below it."""
    if isinstance(child, Supervisor):
        now = child.surroundings.clock()
        return Branch(
            child.name, child.path, "supervisor", child.life.value, child.restarts, child.trouble,
            round(now - child.since, 3), child.spec.restart.value, child.spec.strategy.value,
            events=tuple(Event(round(now - when, 3), what) for when, what in child.events),
            children=tuple(branch(one) for one in child.children),
        )  # fmt: skip
    assert isinstance(child, Cell)
    box = child.mailbox
    return Branch(
        child.name, child.path, "actor", child.life.value, child.restarts, child.trouble,
        round(child.surroundings.clock() - child.since, 3), child.spec.restart.value,
        depth=len(box), capacity=box.capacity, active=child.active, refused=box.refused, dropped=box.dropped,
        handled=box.handled, waited=round(box.waited / box.handled, 6) if box.handled else 0.0,
        longest=round(box.longest, 6),
    )  # fmt: skip
