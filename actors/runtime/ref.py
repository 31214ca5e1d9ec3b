"""A reference to an actor: the same words, errors and copies whether it lives in this node or on another."""

from typing import TYPE_CHECKING, Any

from ..messages.error import (
    BadMessage,
    BusUnavailable,
    CallCycle,
    InvalidName,
    MeshError,
    TooDeep,
    UnknownActor,
    UnknownMessage,
)
from .context import DEPTH, current
from .immutable import declare, fixed
from .life_state import Life
from .mailbox import Mail
from .origin import entered, passed_on
from .question import Question
from .watch import NO_ACTOR, Heard, Watches

if TYPE_CHECKING:
    from .cell import Cell
    from .remote import Remote
    from .surroundings import Surroundings

STOPPED = Life.STOPPED


class Ref:
    """How an actor is reached. It may be sent in messages, and compared."""

    __slots__ = ("_around", "_cell", "_elsewhere", "address")

    def __init__(self, address: str, around: "Surroundings", cell: "Cell | None" = None) -> None:
        self.address = address
        """Where the actor stands in the mesh: `node/path`."""
        self._around = around
        self._cell = cell
        self._elsewhere = cell is None and address.partition("/")[0] != around.node

    @classmethod
    def local(cls, cell: "Cell") -> "Ref":
        """Return a reference to an actor of this node."""
        return cls(cell.address, cell.surroundings, cell)

    @classmethod
    def to(cls, address: str, around: "Surroundings") -> "Ref":
        """Return a reference to whoever stands at `address`, if anybody does.

        Raises:
            InvalidName: the address is not `node/path`.
        """
        node, slash, path = address.partition("/")
        if not (node and slash and path):
            raise InvalidName(f"an actor's address is node/path, this one is {address!r}")
        return cls(address, around)

    @property
    def node(self) -> str:
        """The node that the actor lives in."""
        return self.address.partition("/")[0]

    @property
    def path(self) -> str:
        """Where the actor stands in its node."""
        return self.address.partition("/")[2]

    name = path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        return f"<Ref {self.address}>"

    # Telling

    def tell(self, message: Any) -> None:
        """Send without an answer, at most once; what does not reach the actor becomes a dead letter.

        Raises:
            BadMessage: the message cannot travel; nothing was sent.
        """
        cell, around = self._cell, self._around
        here = current.get(None)
        try:
            if cell is None or cell.life is STOPPED:
                cell = self._find()
                if cell is None:
                    self._remote().tell(self.address, message, here)
                    return
            if type(message) not in fixed:
                message = around.copier.isolate(message)
            if cell.accepts is not None and type(message) not in cell.accepts:
                raise _not_taken(cell, message)
            if here is None or not here.traceparent:
                mail = Mail(message)
            else:
                mail = Mail(message, None, None, entered(passed_on(here, False), None, self.address, here.traceparent))
            cell.deliver(mail)
        except BadMessage:
            raise
        except MeshError as error:
            around.dead_letters.add(self.path if cell is not None else self.address, message, error)

    # Asking

    async def ask(self, message: Any, timeout: float, *, into: Any = None) -> Any:
        """Send and wait for the answer, at most `timeout` seconds; a deadline of the work in hand may end sooner.

        Args:
            into: the type that the answer is decoded to; without it structs come as dicts.

        Raises:
            DeadlineExceeded: no answer came in time; the actor is told to stop working on it.
            Overloaded, ActorStopped, UnknownActor, UnknownMessage, NoResponders, BusUnavailable: it was not handled.
            CallCycle: the actor waits, perhaps by way of others, for whoever asks; the path is named.
            HandlerFailed: the actor raised while it handled the message.
            BadMessage, BadReply: the message, or the answer, cannot travel or is not of the type `into`.
        """
        cell, around = self._cell, self._around
        here = current.get(None)
        if cell is None or cell.life is STOPPED:
            cell = self._find()
            if cell is None:
                payload = await self._remote().ask(self.address, message, timeout, here)
                return around.copier.incoming(payload, into, self.address)
        if type(message) not in fixed:
            message = around.copier.isolate(message)
        if cell.accepts is not None and type(message) not in cell.accepts:
            raise _not_taken(cell, message)
        when = around.clock() + timeout
        traceparent = ""
        if here is not None:
            traceparent = here.traceparent
            check_chain(here.chain, self.address, cell.turn_based)
            if here.expires is not None and here.expires < when:
                when = here.expires
        context = entered(passed_on(here, True), when, self.address, traceparent)
        question = Question(message, None, when, context, who=self.address)
        cell.deliver(question)
        if not question.over:
            await question.wait(cell, when)
        if question.error is not None:
            raise question.error
        return around.copier.answer(question.outcome, into, self.address)

    # Watching

    def watched_by(self, watcher: Any, heard: Heard) -> None:
        """Have `heard` called once when the actor is gone; `watcher` tells one watcher from another."""
        cell = self._find()
        if cell is not None and cell.life is not STOPPED:
            if cell.watches is None:
                cell.watches = Watches(cell)
            cell.watches.add(watcher, heard)
        elif not self._elsewhere:
            self._around.loop.call_soon(heard, NO_ACTOR)
        else:
            try:
                self._remote().watch(self.address, watcher, heard)
            except MeshError as error:
                self._around.loop.call_soon(heard, str(error))

    def unwatched_by(self, watcher: Any) -> None:
        """Take a watcher out."""
        cell = self._find()
        if cell is not None:
            if cell.watches is not None:
                cell.watches.remove(watcher)
        elif self._elsewhere and self._around.remote is not None:
            self._around.remote.unwatch(self.address, watcher)

    # Where it is

    def _find(self) -> "Cell | None":
        """Return the actor's cell where it lives in this node; a new one may have taken an old one's place."""
        if self._elsewhere:
            return None
        cell = self._cell
        if (cell is None or cell.life is STOPPED) and self._around.root is not None:
            cell = self._around.root.find(self.path)
        self._cell = cell
        return cell

    def _remote(self) -> "Remote":
        if not self._elsewhere:
            raise UnknownActor(f"{self.node} has no actor {self.path}")
        if self._around.remote is None:
            raise BusUnavailable(f"this node has no bus, so {self.address} cannot be reached")
        return self._around.remote


def check_chain(chain: tuple[str, ...], address: str, turn_based: bool) -> None:
    """Refuse an ask that could never be answered; `chain` are those that would wait for it.

    Raises:
        CallCycle: a turn-based actor would wait for itself.
        TooDeep: too many wait already.
    """
    if turn_based and address in chain:
        path = " → ".join((*chain[chain.index(address) :], address))
        raise CallCycle(f"{path}: {address} handles one message at a time, so it would wait for itself")
    if len(chain) > DEPTH:
        raise TooDeep(f"more than {DEPTH} wait for each other: {' → '.join(chain[-4:])}")


def _not_taken(cell: "Cell", message: Any) -> UnknownMessage:
    return UnknownMessage(f"{cell.name} takes no {type(message).__name__}")


declare(Ref)
