"""What a supervisor and its children know of each other: an actor's cell and a supervisor are run alike."""

from typing import Protocol

from .life_state import Life
from .spec import Spec


class Parent(Protocol):
    """Who is told when a child ends by itself."""

    @property
    def path(self) -> str:
        """Where it stands in its node; empty for the first supervisor."""
        ...

    def child_ended(self, child: "Child", reason: Exception | None) -> None:
        """`reason` is what it failed with, None when it ended in peace."""
        ...


class Child(Protocol):
    """What a supervisor runs."""

    restarts: int
    """How often it was started again."""

    @property
    def name(self) -> str:
        """Its name among its siblings."""
        ...

    @property
    def path(self) -> str:
        """Where it stands in its node."""
        ...

    @property
    def spec(self) -> Spec:
        """How it is run."""
        ...

    @property
    def life(self) -> Life:
        """Where it stands."""
        ...

    @property
    def alive(self) -> bool:
        """True while there is something of a life to be put away."""
        ...

    async def start(self, *, trouble: Exception | None = None) -> None:
        """Begin a life; `trouble` is what the one before failed with."""
        ...

    async def bury(self) -> None:
        """Put away what is left of a life that ended by itself."""
        ...

    async def suspend(self) -> None:
        """End this life because a sibling's has failed; another one follows."""
        ...

    async def stop(self) -> None:
        """End for good."""
        ...
