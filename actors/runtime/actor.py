"""What an actor is to those who write one."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..messages.error import Overloaded, UnknownMessage
from .timers import Timers
from .watch import Watches

if TYPE_CHECKING:
    from .cell import Cell
    from .mailbox import Mail
    from .ref import Ref
    from .surroundings import Surroundings


class Actor:
    """State that is touched by one message at a time. Subclass it; the runtime calls the methods in this order.

    The annotation of `receive`'s message says which types the actor takes (`message: Add | Read`): others are refused
    with `UnknownMessage`, and messages from other nodes are decoded by it.
    """

    cell: "Cell"
    """What runs this life; given before `pre_start`."""

    # What a life goes through

    async def pre_start(self) -> None:
        """Make ready; an error here fails the start and is told to whoever started the actor."""

    async def on_restart(self, reason: Exception) -> None:
        """Called in a new life, after `pre_start`, when the one before failed with `reason`."""

    async def post_start(self) -> None:
        """The first turn of a life, before any message; an error here ends the life as one in `receive` does."""

    def receive(self, message: Any) -> Any:
        """Handle one message; what is returned answers an ask. An error here ends this life of the actor.

        Define it with `async def` where handling waits for something; a plain `def` answers at once, without a task.
        """
        raise UnknownMessage(f"{type(self).__name__} receives no messages, got {type(message).__name__}")

    async def post_stop(self) -> None:
        """Put away what `pre_start` made; runs at the end of every life that started, also before a restart."""

    def unread(self) -> int:
        """Return how many messages that came from the bus this life could not read."""
        return 0

    # What it is given

    @property
    def surroundings(self) -> "Surroundings":
        """Time, chance and timers."""
        return self.cell.surroundings

    @property
    def me(self) -> "Ref":
        """How others reach this actor; may be sent to them."""
        return self.cell.ref

    @property
    def timers(self) -> Timers:
        """Timers that end with this life."""
        if self.cell.timers is None:
            self.cell.timers = Timers(self.cell)
        return self.cell.timers

    # What it may do

    def find(self, address: str) -> "Ref":
        """Return how to reach the actor at `node/path`, here or on another node, whether it is there or not."""
        from .ref import Ref

        return Ref.to(address, self.surroundings)

    def watch(self, ref: "Ref") -> None:
        """Have `Terminated` told to this actor once when the other, or its node, is gone for good; no restart is."""
        if self.cell.watches is None:
            self.cell.watches = Watches(self.cell)
        self.cell.watches.watch(ref)

    def unwatch(self, ref: "Ref") -> None:
        """Be told no more; harmless where it is not watched."""
        if self.cell.watches is not None:
            self.cell.watches.unwatch(ref)

    def become(self, behaviour: Callable[[Any], Any]) -> None:
        """Have `behaviour` handle the messages from the next one on; a new life begins with `receive` again."""
        self.receive = behaviour  # type: ignore[method-assign,assignment]

    def unbecome(self) -> None:
        """Have `receive` handle the messages again."""
        self.__dict__.pop("receive", None)

    def stash(self) -> None:
        """Put the message in hand aside, to be handled after `unstash_all`; its asker waits on.

        Raises:
            TypeError: the actor is not turn-based, so that no single message is in hand.
            Overloaded: as many messages are put aside as the mailbox holds.
        """
        cell = self.cell
        if not cell.turn_based or cell.hand is None:
            raise TypeError(f"{cell.name} handles {cell.most} messages at a time: only a turn-based actor can stash")
        if cell.stash is None:
            cell.stash = deque["Mail"]()
        if len(cell.stash) >= cell.mailbox.capacity:
            raise Overloaded(f"the stash of {cell.name} is full ({cell.mailbox.capacity})")
        if not cell.hand.stashed:
            cell.hand.stashed = True
            cell.stash.append(cell.hand)

    def unstash_all(self) -> None:
        """Take up the messages that were put aside before all others, in their order."""
        if self.cell.stash:
            self.cell.mailbox.put_back(self.cell.stash)
            self.cell.stash.clear()
            self.cell.come_back()

    def finish(self) -> None:
        """End in peace once the work in hand is done; whether it is restarted its spec says (permanent: yes)."""
        self.cell.finish()

    # What the runtime asks

    def starts_at_once(self) -> bool:
        """Return whether there is no `pre_start` to wait for."""
        return type(self).pre_start is Actor.pre_start

    def opens_at_once(self) -> bool:
        """Return whether there is no `post_start` to run."""
        return type(self).post_start is Actor.post_start
