"""The way to actors of other nodes, and from them to this node's: tell, ask, cancel and watch over the bus.

The sender's node is the last token of the subject, so the server's permissions prove it; answers go only to subjects
that this sender owns.
"""

from contextlib import suppress
from itertools import count
from typing import Any

import msgspec

from ..bus.ask import ask
from ..bus.bus import Bus, Subscription
from ..bus.reply import may_answer
from ..messages.actor import ACTOR_VERSION, Act, ActorFrame, ActorReply
from ..messages.codec import Codec, encode
from ..messages.error import (
    CAUSES,
    BadReply,
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
from .context import CallContext
from .dead_letter import DeadLetter
from .distant_watch import DistantWatches
from .letter import Letter
from .mailbox import Mail
from .origin import entered
from .ref import check_chain
from .surroundings import Surroundings
from .watch import Heard, Watches

_frames = Codec[ActorFrame](ActorFrame)
_replies = Codec[ActorReply](ActorReply)


class Post:
    """One node's; make it once, `open` it, and flush the bus before it is relied on."""

    def __init__(self, bus: Bus, subjects: Subjects, surroundings: Surroundings) -> None:
        self.bus = bus
        self.subjects = subjects
        self.surroundings = surroundings
        self.undecodable = 0
        self.asks: dict[bytes, Letter] = {}
        """Asks of other nodes that are not answered yet, by their reply subject."""
        self._node = surroundings.node
        self._count = count(1)
        self._addresses: dict[str, tuple[bytes, bytes]] = {}
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

    def tell(self, node: str, path: str, message: Any, here: CallContext | None) -> None:
        """See `Remote.tell`."""
        self.send(node, self._frame(Act.TELL, path, self.surroundings.copier.encode(message), None, here))

    async def ask(self, node: str, path: str, message: Any, timeout: float, into: Any, here: CallContext | None) -> Any:
        """See `Remote.ask`."""
        who = f"{node}/{path}"
        around = self.surroundings
        now = around.clock()
        when = now + timeout
        if here is not None:
            check_chain(here.chain, who, turn_based=False)  # whether it closes a circle is known where it arrives
            if here.expires is not None and here.expires < when:
                when = here.expires
        frame = self._frame(Act.ASK, path, around.copier.encode(message), when - now, here)
        return around.copier.incoming(await self.request(node, frame, when - now), into, who)

    async def request(self, node: str, frame: ActorFrame, timeout: float) -> bytes:
        """Send a frame that is answered; return the answer's payload.

        Raises:
            MeshError: there is none; it says why.
        """
        subject, prefix = self._address(node)
        reply = prefix + b"%d" % next(self._count)
        answered = False
        try:
            data = await ask(self.bus, subject, encode(frame), reply, timeout, self.surroundings.deadlines)
            answered = True
        except MeshError:
            answered = True
            raise
        finally:
            if not answered:  # the asker itself was cancelled
                with suppress(MeshError):
                    self.send(node, ActorFrame(ACTOR_VERSION, int(Act.CANCEL), reply.decode(), b""))
        answer = _replies.decode(data)
        if answer.cause:
            raise CAUSES.get(answer.cause, BadReply)(answer.payload.decode("utf-8", "replace"))
        return answer.payload

    def send(self, node: str, frame: ActorFrame) -> None:
        """Publish a frame to a node.

        Raises:
            MeshError: nothing was sent.
        """
        self.bus.publish(self._address(node)[0], encode(frame))

    def watch(self, node: str, path: str, watcher: Any, heard: Heard) -> None:
        """See `Remote.watch`."""
        self.distant.add(node, path, watcher, heard)

    def unwatch(self, node: str, path: str, watcher: Any) -> None:
        """See `Remote.unwatch`."""
        self.distant.remove(node, path, watcher)

    def _address(self, node: str) -> tuple[bytes, bytes]:
        found = self._addresses.get(node)
        if found is None:
            subjects = self.subjects
            prefix = subjects.node_reply_prefix(node, self._node, self.bus.token)
            found = subjects.actor(node, self._node), prefix
            if len(self._addresses) < 10_000:
                self._addresses[node] = found
        return found

    def _frame(self, act: Act, path: str, payload: bytes, left: float | None, here: CallContext | None) -> ActorFrame:
        timeout = None if left is None else max(0, int(left * 1e6))
        if here is None:
            return ActorFrame(ACTOR_VERSION, int(act), path, payload, timeout)
        chain = here.chain if act is Act.ASK else ()
        frame = here.frame
        return ActorFrame(
            ACTOR_VERSION, int(act), path, payload, timeout, chain, here.traceparent, frame.tracestate,
            frame.baggage, frame.revision, frame.flags,
        )  # fmt: skip

    # From others

    def _deliver(self, subject: bytes, reply: bytes, payload: bytes, _: bytes) -> None:
        sender = subject[subject.rfind(b".") + 1 :].decode("ascii", "replace")
        if reply and not may_answer(self.subjects, reply, self._node, sender):
            self.undecodable += 1
            return
        try:
            frame = _frames.decode(payload)
            if frame.version != ACTOR_VERSION:
                raise UnsupportedVersion(f"frame of version {frame.version}, this node speaks {ACTOR_VERSION}")
            act = Act(frame.act)
        except (Undecodable, UnsupportedVersion, ValueError) as error:
            self.undecodable += 1
            if reply:
                self.refuse(reply, error if isinstance(error, MeshError) else Undecodable(str(error)))
            return
        try:
            self._take(act, sender, frame, reply)
        except MeshError as error:
            if reply:
                self.refuse(reply, error)
            elif act is Act.TELL:
                self.surroundings.dead_letters.add(frame.actor, frame, error)

    def _take(self, act: Act, sender: str, frame: ActorFrame, reply: bytes) -> None:
        match act:
            case Act.TELL:
                cell = self._find(frame.actor)
                context = None
                if frame.traceparent:
                    context = entered(frame, None, cell.address, frame.traceparent)
                cell.deliver(Mail(self._message(cell, frame), None, None, context))
            case Act.ASK:
                self._asked(self._find(frame.actor), frame, reply)
            case Act.CANCEL:
                prefix = self.subjects.node_reply_prefix(self._node, sender, "x").removesuffix(b"x.")
                key = frame.actor.encode()
                if key.startswith(prefix) and (letter := self.asks.get(key)) is not None:
                    letter.expire()
            case Act.WATCH:
                token = self._watched(self._find(frame.actor), sender)
                self.bus.publish(reply, encode(ActorReply(ACTOR_VERSION, token.encode())))
            case Act.UNWATCH:
                cell = self._find(frame.actor)
                if cell.watches is not None:
                    cell.watches.remove(sender)
            case Act.TERMINATED:
                if frame.actor.partition("/")[0] == sender:
                    self.distant.gone(frame.actor, frame.payload.decode("utf-8", "replace"))

    def _find(self, path: str) -> Cell:
        root = self.surroundings.root
        cell = None if root is None else root.find(path)
        if cell is None:
            raise UnknownActor(f"{self._node} has no actor {path}")
        return cell

    def _message(self, cell: Cell, frame: ActorFrame) -> Any:
        if cell.accepts is None or cell.actor is None:
            kind: Any = Any
        else:
            kind = receives(type(cell.actor)).union
        try:
            message = self.surroundings.copier.decode(frame.payload, kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, MeshError) as error:
            raise UnknownMessage(f"{cell.name} does not take this message: {error}") from None
        return message

    def _asked(self, cell: Cell, frame: ActorFrame, reply: bytes) -> None:
        around = self.surroundings
        if self.bus.stalled:
            raise Stalled
        check_chain(frame.chain, cell.address, cell.turn_based)
        expires = None if frame.timeout is None else around.clock() + frame.timeout * 1e-6
        if frame.timeout is not None and frame.timeout <= 0:
            raise MissedDeadline
        context = entered(frame, expires, cell.address, frame.traceparent)
        message = self._message(cell, frame)
        letter = Letter(message, deadline=expires, context=context, post=self, key=reply, who=cell.address)
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
