"""Death watch: an actor hears once that another is gone for good (Erlang's monitor, Pekko's watch)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..messages.error import MeshError
from .mailbox import Mail

if TYPE_CHECKING:
    from .life import Living
    from .ref import Ref

NO_ACTOR = "no such actor"
"""The reason where there is nobody to watch."""


class Terminated(msgspec.Struct, frozen=True, eq=False):
    """An actor that was watched is gone; a control message."""

    control: ClassVar[bool] = True
    ref: "Any"
    """Who is gone (`Ref`)."""
    reason: str
    """What it failed with, `stopped`, `node gone`, or that there was no such actor."""


Heard = Callable[[str], None]
"""Takes the reason why an actor is gone; called once."""


class Watches:
    """Who watches an actor, and whom it watches itself."""

    __slots__ = ("_cell", "_watched", "_watchers", "serial")

    def __init__(self, cell: "Living") -> None:
        self._cell = cell
        self.serial = 0
        """Tells this actor from another of its name, for watchers on other nodes; 0 while there are none."""
        self._watchers: dict[Any, Heard] = {}
        self._watched: dict[str, Ref] = {}

    # Whom it watches

    def watch(self, ref: "Ref") -> None:
        """Begin to watch; once is enough."""
        address = ref.address
        if address in self._watched:
            return
        self._watched[address] = ref
        around = self._cell.surroundings

        def heard(reason: str) -> None:
            if self._watched.pop(address, None) is not None:
                message = Terminated(ref, reason)
                try:
                    self._cell.deliver(Mail(message))
                except MeshError as error:
                    around.dead_letters.add(self._cell.path, message, error)

        ref.watched_by(self, heard)

    def unwatch(self, ref: "Ref") -> None:
        """Watch no more."""
        if self._watched.pop(ref.address, None) is not None:
            ref.unwatched_by(self)

    def forget_watched(self) -> None:
        """The life that watched has ended."""
        for ref in list(self._watched.values()):
            self.unwatch(ref)

    # Who watches it

    def add(self, watcher: Any, heard: Heard) -> None:
        """Have `heard` called when the actor is gone."""
        self._watchers[watcher] = heard

    def remove(self, watcher: Any) -> None:
        """Take a watcher out."""
        self._watchers.pop(watcher, None)

    def gone(self, reason: str) -> None:
        """The actor is gone for good."""
        watchers, self._watchers = self._watchers, {}
        for heard in watchers.values():
            heard(reason)
