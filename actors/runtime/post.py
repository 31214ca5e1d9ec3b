"""A node's post: what other nodes tell, ask, cancel and watch reaches its actors here, and the answers go out.

What it says to other nodes by itself goes by `way`. The sender's node is the last token of the subject, so the server's
permissions prove it; answers go only to subjects that this sender owns.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from ..bus.bus import Bus, Subscription
from ..bus.reply import is_reply, reply_start
from ..messages.actor import ACTOR_VERSION, Act, ActorFrame, ActorReply
from ..messages.codec import Codec, encode
from ..messages.error import (
    MeshError,
    MissedDeadline,
    Stalled,
    Undecodable,
    UnknownActor,
    UnknownMessage,
    UnsupportedVersion,
)
from ..messages.subject import Subjects
from .accept import receives
from .cell import Cell
from .dead_letter import DeadLetter
from .distant_watch import DistantWatches
from .letter import Letter
from .mailbox import Mail
from .origin import entered
from .ref import check_chain
from .surroundings import Surroundings
from .watch import Heard, Watches
from .way import Ways, keep

_frames = Codec[ActorFrame](ActorFrame)
_ACTS = tuple(Act)  # by their numbers: `Act(1)` costs a third of a microsecond on Python 3.11


class Post(Ways):
    """One node's; make it once, `open` it, and flush the bus before it is relied on."""

    def __init__(self, bus: Bus, subjects: Subjects, surroundings: Surroundings) -> None:
        super().__init__(bus, subjects, surroundings)
        self.undecodable = 0
        self.asks: dict[bytes, Letter] = {}
        """Asks of other nodes that are not answered yet, by their reply subject."""
        self._senders: dict[bytes, tuple[str, bytes]] = {}
        self._decoders: dict[Any, Callable[[bytes], Any]] = {}  # as many as the program has classes of actors
        self._subscriptions: list[Subscription] = []
        self.distant = DistantWatches(self)
        self._life = f"{surroundings.rng.getrandbits(64):016x}"

    def open(self) -> None:
        """Listen, and be the way that this node's references take."""
        self._subscriptions = [
            self.bus.subscribe(self.subjects.actors_of(self._node), self._deliver),
            self.bus.inbox(self.subjects.node_replies(self._node, self.bus.token)),
        ]
        self.surroundings.remote = self
        self.surroundings.dead_letters.publish = self._tell_dead_letter
        self.distant.open()

    def close(self) -> None:
        """Listen no more."""
        self.distant.close()
        self.surroundings.remote = None
        self.surroundings.dead_letters.publish = None
        for subscription in self._subscriptions:
            subscription.unsubscribe()
        self._subscriptions = []

    # To others

    def watch(self, address: str, watcher: Any, heard: Heard) -> None:
        """See `Remote.watch`."""
        node, _, path = address.partition("/")
        self.distant.add(node, path, watcher, heard)

    def unwatch(self, address: str, watcher: Any) -> None:
        """See `Remote.unwatch`."""
        node, _, path = address.partition("/")
        self.distant.remove(node, path, watcher)

    # From others

    def _deliver(self, subject: bytes, reply: bytes, payload: bytes, _: bytes) -> None:
        sender, start = self._senders.get(subject) or self._sender(subject)
        if reply and not is_reply(reply, start):
            self.undecodable += 1
            return
        try:
            frame = _frames.decode(payload)
            if frame.version != ACTOR_VERSION:
                raise UnsupportedVersion(f"frame of version {frame.version}, this node speaks {ACTOR_VERSION}")
            if not 0 <= frame.act < len(_ACTS):
                raise Undecodable(f"{frame.act} is not a valid Act")
            act = _ACTS[frame.act]
            if not reply and (act is Act.ASK or act is Act.WATCH):  # a server ends who publishes on no subject
                raise Undecodable("it is to be answered, and does not say where")
        except (Undecodable, UnsupportedVersion) as error:
            self.undecodable += 1
            if reply:
                self.refuse(reply, error)
            return
        try:
            if act is Act.ASK:  # by itself, for somebody waits
                self._asked(frame, reply)
            else:
                self._take(act, sender, start, frame, reply)
        except MeshError as error:
            if reply:
                self.refuse(reply, error)
            elif act is Act.TELL:
                self.surroundings.dead_letters.add(frame.actor, frame, error)

    def _sender(self, subject: bytes) -> tuple[str, bytes]:
        """Return who speaks on `subject`, and how the subjects begin on which it is answered."""
        sender = subject[subject.rfind(b".") + 1 :].decode("ascii", "replace")
        return keep(self._senders, subject, (sender, reply_start(self.subjects, self._node, sender)))

    def _take(self, act: Act, sender: str, start: bytes, frame: ActorFrame, reply: bytes) -> None:
        match act:
            case Act.TELL:
                cell = self._find(frame.actor)
                context = None
                if frame.traceparent:
                    context = entered(frame, None, cell.address, frame.traceparent)
                cell.deliver(Mail(self._message(cell, frame), None, None, context))
            case Act.CANCEL:
                key = frame.actor.encode()
                if sender and is_reply(key, start) and (letter := self.asks.get(key)) is not None:
                    letter.expire()
            case Act.WATCH:
                token = self._watched(self._find(frame.actor), sender)
                self.bus.publish(reply, encode(ActorReply(ACTOR_VERSION, token.encode())))
            case Act.UNWATCH:
                cell = self._find(frame.actor)
                if cell.watches is not None:
                    cell.watches.remove(sender)
            case _:  # Act.TERMINATED; an ask has gone its own way
                if frame.actor.partition("/")[0] == sender:
                    self.distant.gone(frame.actor, frame.payload.decode("utf-8", "replace"))

    def _find(self, path: str) -> Cell:
        root = self.surroundings.root
        cell = None if root is None else root.find(path)
        if cell is None:
            raise UnknownActor(f"{self._node} has no actor {path}")
        return cell

    def _message(self, cell: Cell, frame: ActorFrame) -> Any:
        kind: Any = Any if cell.accepts is None or cell.actor is None else type(cell.actor)
        decode = self._decoders.get(kind)
        if decode is None:
            decode = self.surroundings.copier.decoder(Any if kind is Any else receives(kind).union)
            self._decoders[kind] = decode
        try:
            return decode(frame.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, MeshError) as error:
            raise UnknownMessage(f"{cell.name} does not take this message: {error}") from None

    def _asked(self, frame: ActorFrame, reply: bytes) -> None:
        if reply in self.asks:
            return  # the bus delivered it twice: the first is in hand, and will be answered
        around = self.surroundings
        cell = self._find(frame.actor)
        if self.bus.stalled:
            raise Stalled
        who = f"{self._node}/{frame.actor}"  # the cell's address, without walking up to the root again
        if frame.chain:
            check_chain(frame.chain, who, cell.turn_based)
        expires = None if frame.timeout is None else around.clock() + frame.timeout * 1e-6
        if frame.timeout is not None and frame.timeout <= 0:
            raise MissedDeadline
        context = entered(frame, expires, who, frame.traceparent)
        message = self._message(cell, frame)
        letter = Letter(message, deadline=expires, context=context, post=self, key=reply, who=who)
        self.asks[reply] = letter
        try:
            cell.deliver(letter)
        except MeshError as error:
            letter.fail(error)
            return
        if expires is not None and not letter.ended:
            letter.expiry = around.deadlines.at(expires, letter.expire)

    def _watched(self, cell: Cell, sender: str) -> str:
        if cell.watches is None:
            cell.watches = Watches(cell)
        address = cell.address

        def heard(reason: str) -> None:
            with suppress(MeshError):  # who did not hear it finds out when it asks the next time
                self.send(sender, ActorFrame(ACTOR_VERSION, int(Act.TERMINATED), address, reason.encode()))

        cell.watches.add(sender, heard)
        if not cell.watches.serial:
            cell.watches.serial = next(self._count)
        return f"{self._life}.{cell.watches.serial}"

    # Answers

    def answer(self, letter: Letter, value: Any) -> None:
        """Send an actor's answer; one that cannot travel is told as the actor's failure."""
        try:
            payload = self.surroundings.copier.outgoing(value, letter.who)
            self.bus.publish(letter.key, encode(ActorReply(ACTOR_VERSION, payload)))
        except MeshError as error:
            self.refuse(letter.key, error)

    def refuse(self, key: bytes, error: MeshError) -> None:
        """Send why there is no answer, where the bus lets it."""
        with suppress(MeshError):
            self.bus.publish(key, encode(ActorReply(ACTOR_VERSION, str(error).encode(), error.cause)))

    def _tell_dead_letter(self, letter: DeadLetter) -> None:
        with suppress(MeshError):
            self.bus.publish(self.subjects.dead_letter("plait-node", self._node), msgspec.json.encode(letter))
