"""A cell's lives: how one begins, how it ends, and that what is left of it is put away in time."""

import asyncio
import sys
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING

from ..messages.error import ActorStopped, Cancelled, MeshError
from .accept import receives
from .call_box import CallBox
from .child import Parent
from .life_state import Life
from .mailbox import Mail, Mailbox
from .spec import ChildSpec

if TYPE_CHECKING:
    from .actor import Actor
    from .ref import Ref
    from .surroundings import Surroundings
    from .timers import Timers
    from .watch import Watches


GRACE = 1.0
"""Seconds that cancelled work has to clean up in, beyond the shutdown time."""

RUNNING = Life.RUNNING  # read once: looking a member up costs a quarter of a microsecond on Python 3.11
STOPPED_STATES = (Life.STOPPING, Life.STOPPED)


class Living:
    """The state of a cell, and the beginning and end of its actors. One of a million must stay small."""

    __slots__ = (
        "__weakref__", "_base", "_due", "_idle", "_parent", "accepts", "actor", "busy", "hand", "life",
        "mailbox", "most", "name", "restarts", "since", "spec", "stash", "surroundings", "timers", "trouble", "watches",
        "working",
    )  # fmt: skip

    def __init__(self, spec: ChildSpec, surroundings: "Surroundings", parent: Parent, name: str = "") -> None:
        self.spec = spec
        self.name = name or spec.name
        """The child's name among its siblings."""
        self.life = Life.NEW
        self.most = spec.concurrency or sys.maxsize
        self.mailbox = CallBox(spec.mailbox, self.most) if spec.sheds else Mailbox(spec.mailbox, spec.overflow)
        self.restarts = 0
        self.trouble = ""
        """What the last life failed with."""
        self.since = 0.0
        """Loop time at which this life began."""
        self.actor: Actor | None = None
        self.accepts: frozenset[type] | None = None
        """The types of messages that the actor takes; None for any."""
        self.surroundings = surroundings
        self.busy: int = 0
        """Messages whose handling has begun and not ended."""
        self.working: dict[asyncio.Task[object], Mail] | None = None
        """Those of them that wait for something."""
        self.hand: Mail | None = None
        """The message taken last; the one in hand of a turn-based actor."""
        self.stash: deque[Mail] | None = None
        self.timers: Timers | None = None
        self.watches: Watches | None = None
        self._parent = parent
        self._idle: asyncio.Future[None] | None = None
        self._due = False
        self._base: Context | None = None

    @property
    def active(self) -> int:
        """Messages being handled that wait for something."""
        return len(self.working) if self.working else 0

    @property
    def path(self) -> str:
        """Where the actor stands in its node: the names of its supervisors below the first, and its own."""
        above = self._parent.path
        return f"{above}/{self.name}" if above else self.name

    @property
    def address(self) -> str:
        """Where the actor stands in the mesh: `node/path`."""
        return f"{self.surroundings.node}/{self.path}"

    @property
    def ref(self) -> "Ref":
        """How others reach the actor: what is sent by it is copied, and it may travel to other nodes."""
        from .ref import Ref

        return Ref.local(self)  # type: ignore[arg-type]

    @property
    def alive(self) -> bool:
        """True while there is an actor to be put away."""
        return self.actor is not None

    @property
    def turn_based(self) -> bool:
        """True where one message is handled at a time."""
        return self.most == 1

    # A life begins

    async def start(self, *, trouble: Exception | None = None) -> None:
        """Begin a life; `trouble` is what the one before failed with.

        Raises:
            Exception: what the actor raised while it was made or made ready.
        """
        self.life = Life.STARTING
        try:
            actor = self._make()
            if not actor.starts_at_once():
                await actor.pre_start()
            if trouble is not None:
                await actor.on_restart(trouble)
        except BaseException:
            self.life = Life.FAILED
            raise
        self._open(actor)

    def spawn(self) -> None:
        """Begin the first life at once, of an actor that has nothing to make ready.

        Raises:
            TypeError: its class defines `pre_start`.
            Exception: what the actor raised while it was made.
        """
        self.life = Life.STARTING
        try:
            actor = self._make()
            if not actor.starts_at_once():
                raise TypeError(f"{type(actor).__name__} has a pre_start to wait for: use start_child")
        except BaseException:
            self.life = Life.FAILED
            raise
        self._open(actor)

    def _make(self) -> "Actor":
        actor = self.spec.start()
        actor.cell = self  # type: ignore[assignment]
        if self.surroundings.probe is not None:
            self.surroundings.probe.born(self, actor)  # type: ignore[arg-type]
        return actor

    def _open(self, actor: "Actor") -> None:
        self.actor = actor
        self.accepts = receives(type(actor)).types
        self.life = RUNNING
        self.since = self.surroundings.clock()
        if not actor.opens_at_once():
            self.first(actor)
        if self.mailbox.waiting:
            self.taking()

    def first(self, actor: "Actor") -> None:
        """Have the new life do what comes before its first message."""
        raise NotImplementedError

    def deliver(self, mail: Mail) -> None:
        """Take one mail in."""
        raise NotImplementedError

    def taking(self) -> None:
        """Take up the mail that waited for this life."""
        raise NotImplementedError

    # It ends by itself

    def finish(self) -> None:
        """End in peace, as the actor itself decides; the parent is told."""
        self.end(None)

    def end(self, reason: Exception | None) -> None:
        """End this life by itself, in peace or in failure; the parent decides what follows."""
        if self.life is RUNNING:
            self.life = Life.FAILED
            if reason is not None:
                self.trouble = f"{type(reason).__name__}: {reason}"
            self._parent.child_ended(self, reason)

    async def suspend(self) -> None:
        """End this life though it did not fail: nobody is told, mail is kept for the next one."""
        if self.life is RUNNING:
            self.life = Life.FAILED
        await self.bury()

    def adopt(self, spec: ChildSpec) -> None:
        """Go on by another spec of the same name, between two lives; the mailbox keeps its mail."""
        self.spec = spec
        self.most = spec.concurrency or sys.maxsize
        self.mailbox.capacity, self.mailbox.overflow = spec.mailbox, spec.overflow
        if isinstance(self.mailbox, CallBox):
            self.mailbox.work_with(self.most)

    async def bury(self) -> None:
        """After a life ended: what else was in hand ends within the shutdown time, then put away."""
        await self._settle(self.spec.shutdown)
        await self._put_away()

    # It is told to end

    async def stop(self) -> None:
        """Take no new mail, finish what is in hand within the shutdown time, cancel the rest, put away.

        Mail that nobody took is answered with `ActorStopped`; whoever watches the actor hears that it is gone.
        """
        if self.life is Life.STOPPED:
            return
        self.life = Life.STOPPING
        self._return_all(ActorStopped(f"{self.name} is stopped"))
        await self._settle(self.spec.shutdown)
        await self._put_away()
        self._return_all(ActorStopped(f"{self.name} is stopped"))  # what it had put aside
        self.life = Life.STOPPED
        if self.watches is not None:
            self.watches.gone(self.trouble or "stopped")

    def _return_all(self, error: MeshError) -> None:
        while (mail := self.mailbox.take(self.surroundings.clock())) is not None:
            self.drop(mail, error)

    def drop(self, mail: Mail, error: BaseException) -> None:
        """Give a mail up."""
        raise NotImplementedError

    def settled(self) -> None:
        """A message's handling has ended: whoever waits for the last one is told."""
        if self._idle is not None and not self.working and not self._idle.done():
            self._idle.set_result(None)

    async def _settle(self, limit: float) -> None:
        if not self.working:
            return
        loop, deadlines = self.surroundings.loop, self.surroundings.deadlines
        idle = self._idle = loop.create_future()

        def cut() -> None:
            for task in list(self.working or ()):
                task.cancel()

        def leave() -> None:
            left = list(self.working.values()) if self.working else []
            self.working = None
            self.busy -= len(left)
            for mail in left:
                mail.fail(Cancelled(f"{self.name} was told to stop working on it"))
            if not idle.done():
                idle.set_result(None)
            message = f"{self.name} goes on with {len(left)} messages though they were cancelled: left behind"
            loop.call_exception_handler({"message": message})

        end = self.surroundings.clock() + limit
        timers = [deadlines.at(when, do) for when, do in ((end, cut), (end + GRACE, leave))]
        try:
            await idle
        finally:
            for timer in timers:
                timer.cancel()
            self._idle = None

    async def _put_away(self) -> None:
        actor = self.actor
        if actor is None:
            return
        if self.timers is not None:
            self.timers.cancel_all()
        if self.stash:
            self.mailbox.put_back(self.stash)
            self.stash.clear()
        if self.watches is not None:
            self.watches.forget_watched()
        try:
            async with asyncio.timeout(self.spec.shutdown + GRACE):
                await actor.post_stop()
        except Exception as error:  # a failing clean-up must not keep its siblings from stopping
            self.surroundings.loop.call_exception_handler(
                {"message": f"post_stop of {self.name} failed", "exception": error}
            )
        finally:
            self.actor = None
