"""The way to actors of other nodes: what is told and asked there goes out here, and the answers come in.

Every ask takes it, so what is the same for the next one is worked out once: where a node is reached, and how the
subjects of its answers begin. An ask is one coroutine here and one small struct, no closure.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

import msgspec

from ..bus.bus import Bus
from ..messages.actor import ACTOR_VERSION, Act, ActorFrame, ActorReply
from ..messages.cause import CAUSES
from ..messages.codec import Codec, encode
from ..messages.error import BadReply, DeadlineExceeded, MeshError
from ..messages.subject import Subjects
from .context import CallContext
from .ref import check_chain
from .surroundings import Surroundings

K = TypeVar("K", str, bytes)
V = TypeVar("V")

MOST = 10_000
"""Entries that a cache of what others can name holds at the most."""
LONGEST = 512
"""Characters of a name that is kept; a longer one is worked out anew each time."""

# Read once: looking a member up and making it a number costs a tenth of a microsecond on Python 3.11.
_TELL, _ASK, _CANCEL = int(Act.TELL), int(Act.ASK), int(Act.CANCEL)

_replies = Codec[ActorReply](ActorReply)


def keep(known: dict[K, V], key: K, value: V) -> V:
    """Put `value` into the cache `known` and return it: however many names come from outside, the cache stays small."""
    if len(key) <= LONGEST:
        if len(known) >= MOST:
            known.clear()  # a cache that took no more would be of no use once somebody has filled it
        known[key] = value
    return value


class Place(msgspec.Struct, frozen=True, gc=False):
    """Another node, as it is reached from this one."""

    subject: bytes
    """Where it listens."""
    replies: bytes
    """What stands before the counter in the subjects of its answers."""


class Asked(msgspec.Struct, eq=False):
    """An ask under way: takes its answer from the bus, or the end of its time."""

    answer: asyncio.Future[bytes]
    place: Place
    limit: float
    """Seconds that the answer may take."""

    def done(self, result: bytes | MeshError) -> None:
        """The bus has the answer, or why there is none."""
        if self.answer.done():
            return
        if isinstance(result, MeshError):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)

    def late(self) -> None:
        """The time is over."""
        subject = self.place.subject.decode(errors="replace")
        self.done(DeadlineExceeded(f"no answer on {subject} within {self.limit:g} s"))


class Ways:
    """One node's ways to the others; the half of its `Post` that sends."""

    def __init__(self, bus: Bus, subjects: Subjects, surroundings: Surroundings) -> None:
        self.bus = bus
        self.subjects = subjects
        self.surroundings = surroundings
        self._node = surroundings.node
        self._count = count(1)
        self._places: dict[str, Place] = {}
        self._ways: dict[str, tuple[Place, str]] = {}

    def tell(self, address: str, message: Any, here: CallContext | None) -> None:
        """See `Remote.tell`."""
        payload = self.surroundings.copier.encode(message)
        place, path = self._ways.get(address) or self._way(address)
        self.bus.publish(place.subject, encode(_frame(_TELL, path, payload, None, here, ())))

    def ask(self, address: str, message: Any, timeout: float, here: CallContext | None) -> Awaitable[bytes]:
        """See `Remote.ask`."""
        around = self.surroundings
        now = around.clock()
        when = now + timeout
        chain: tuple[str, ...] = ()
        if here is not None:
            chain = here.chain
            check_chain(chain, address, turn_based=False)  # whether it closes a circle is known where it arrives
            if here.expires is not None and here.expires < when:
                when = here.expires
        payload = around.copier.encode(message)
        place, path = self._ways.get(address) or self._way(address)
        left = when - now
        return self._answer(place, _frame(_ASK, path, payload, left, here, chain), when, left)

    def request(self, node: str, frame: ActorFrame, timeout: float) -> Awaitable[bytes]:
        """Send a frame that is answered; return the answer's payload.

        Raises:
            MeshError: there is none; it says why.
        """
        return self._answer(self._place(node), frame, self.surroundings.clock() + timeout, timeout)

    def send(self, node: str, frame: ActorFrame) -> None:
        """Publish a frame to a node.

        Raises:
            MeshError: nothing was sent.
        """
        self.bus.publish(self._place(node).subject, encode(frame))

    async def _answer(self, place: Place, frame: ActorFrame, when: float, limit: float) -> bytes:
        around, bus = self.surroundings, self.bus
        reply = place.replies + b"%d" % next(self._count)
        asked = Asked(around.loop.create_future(), place, limit)
        bus.request(place.subject, encode(frame), reply, asked.done)
        deadline = around.deadlines.at(when, asked.late)
        try:
            data = await asked.answer  # the bus itself forgets who has got one
        except MeshError:
            bus.forget(reply)
            raise
        except BaseException:  # the asker itself was cancelled
            bus.forget(reply)
            with suppress(MeshError):
                bus.publish(place.subject, encode(ActorFrame(ACTOR_VERSION, _CANCEL, reply.decode(), b"")))
            raise
        finally:
            deadline.cancel()
        answer = _replies.decode(data)
        if answer.cause:
            raise CAUSES.get(answer.cause, BadReply)(answer.payload.decode("utf-8", "replace"))
        return answer.payload

    def _way(self, address: str) -> tuple[Place, str]:
        node, _, path = address.partition("/")
        return keep(self._ways, address, (self._place(node), path))

    def _place(self, node: str) -> Place:
        found = self._places.get(node)
        if found is None:
            subject = self.subjects.actor(node, self._node)
            replies = self.subjects.node_reply_prefix(node, self._node, self.bus.token)
            found = keep(self._places, node, Place(subject, replies))
        return found


def _frame(
    act: int, path: str, payload: bytes, left: float | None, here: CallContext | None, chain: tuple[str, ...]
) -> ActorFrame:
    timeout = None if left is None else int(left * 1e6) if left > 0 else 0
    if here is None:
        return ActorFrame(ACTOR_VERSION, act, path, payload, timeout)
    frame = here.frame
    return ActorFrame(
        ACTOR_VERSION, act, path, payload, timeout, chain, here.traceparent, frame.tracestate,
        frame.baggage, frame.revision, frame.flags,
    )  # fmt: skip
