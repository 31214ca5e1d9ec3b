"""The membership actor: a node's instances join the registry, live by one heartbeat, join again, drain and leave."""

import asyncio
import logging
from typing import Any

import msgspec

from ..actors.bus.bus import BusState
from ..actors.loop.backoff import Backoff
from ..actors.messages.codec import Codec, encode
from ..actors.messages.error import DeadlineExceeded, MeshError, Refused
from ..actors.messages.health import DRAINING
from ..actors.messages.instance import Beat, Connection, Heartbeat, Instance, Join, Joined, Leave
from ..actors.runtime.actor import Actor
from .enrolment import Add, Again, Fares, Remove, Repeat, Weigh
from .link import Link

log = logging.getLogger("plait.membership")

BEAT = 0.25
"""Seconds between two heartbeats."""

TAKEN = 5.0
"""Seconds between two looks whether the other process of an instance's name has gone."""

_AGAIN = Backoff(base=BEAT)
"""Between joins that are refused or not answered: the reason is told each time, so not too often."""

_joined = Codec[Joined](Joined)
_beat = Codec[Beat](Beat)


class Membership(Actor):
    """One per node. Turn-based: what it tells the registry is in order. Heartbeats wait for no turn and no registry."""

    def __init__(self, link: Link, instances: dict[str, Instance]) -> None:
        """`instances` are the node's own by id; they outlive this actor."""
        self._link = link
        self._instances = instances
        self._sequence = 0
        self._last = 0.0
        self._rejoin = False
        self._refusals, self._patient = 0, 0.0
        """Joins that failed one after the other, and the time of the loop before which there is no further one."""
        self._joining = False
        self._repeating = False
        self._beating = False
        self._asked = b""
        self._unanswered = False
        self._line: asyncio.Task[None] | None = None
        """Asks the server whether the line for calls still brings anything."""
        self._taken: dict[str, float] = {}
        """Instances whose name another process has, and when to ask again whether it still does."""

    async def pre_start(self) -> None:
        """Begin to beat."""
        self._link.data.listen(self._bus_changed)
        self._link.control.listen(self._bus_changed)
        self._last = self.surroundings.clock()
        self._beating = True
        self._arm()

    async def post_stop(self) -> None:
        """Beat no more."""
        self._beating = False
        if self._line is not None:
            self._line.cancel()

    def _arm(self) -> None:
        def tick() -> None:
            if self._beating:
                self._arm()
                self._beat()

        self.surroundings.deadlines.at(self.surroundings.clock() + BEAT, tick)

    def _bus_changed(self, state: BusState) -> None:
        # The server names a new connection anew, and has told of the old one's end: the registry must hear of it.
        if state is BusState.CONNECTED:
            self._rejoin, self._patient = True, 0.0

    async def receive(self, message: Any) -> Any:
        """Handle one step. What the registry does not take, or is not there to take, is the asker's to bear."""
        try:
            match message:
                case Add(instance):
                    return await self._enter(instance)
                case Fares(name, health, reason):
                    return await self._fares(name, health, reason)
                case Weigh(name, weight):
                    return await self._weigh(name, weight)
                case Repeat(ids):
                    return await self._repeat(ids)
                case Remove(name):
                    return await self._leave(name)
                case Again(ids):
                    return await self._again(ids)
                case _:
                    return super().receive(message)
        except MeshError as error:
            return error

    def _named(self, instance: Instance) -> Instance:
        data, control = self._link.connections
        return msgspec.structs.replace(instance, data=data, control=control)

    async def _enter(self, instance: Instance) -> int:
        """Join for the first time. An earlier life of that name gives way, though a clock that was set back since makes
        it look like a later one: whoever starts has the last word."""
        joined = await self._join(instance)
        if joined.incarnation:
            instance = msgspec.structs.replace(instance, incarnation=joined.incarnation + 1)
            joined = await self._join(instance)
        revision = _checked(instance, joined)
        self._instances[instance.id] = instance
        return revision

    async def _join(self, instance: Instance) -> Joined:
        instance = self._named(instance)
        subject = self._link.subjects.registration("join", instance.service, instance.id)
        answer = await self._link.asker.ask("registry", subject, encode(Join(instance)), 1.0)
        joined = _joined.decode(answer)
        if joined.code == "unavailable":
            raise DeadlineExceeded(f"the registry could not take {instance.service}/{instance.id} in: {joined.error}")
        return joined

    async def _fares(self, name: str, health: str, reason: str) -> int:
        before = self._instances.get(name)
        if before is None or before.health == DRAINING:
            return 0
        return await self._say(before, health=health, reason=reason)

    async def _weigh(self, name: str, weight: float) -> int:
        before = self._instances.get(name)
        if before is None:
            raise Refused(f"the node {self._link.node} has no instance {name!r}")
        return await self._say(before, weight=weight)

    async def _say(self, before: Instance, **words: Any) -> int:
        # Kept whatever comes of it: the heartbeats tell that more has been said than the registry may have heard.
        self._instances[before.id] = msgspec.structs.replace(before, **words, renewal=before.renewal + 1)
        return await self._renew(before.id)

    async def _repeat(self, names: tuple[str, ...]) -> int:
        try:
            return max([await self._renew(name) for name in names if name in self._instances], default=0)
        finally:
            self._repeating = False

    async def _renew(self, name: str) -> int:
        instance = self._instances[name] = self._named(self._instances[name])
        subject = self._link.subjects.registration("renew", instance.service, instance.id)
        return _joined.decode(await self._link.asker.ask("registry", subject, encode(Join(instance)), 1.0)).revision

    async def _leave(self, name: str) -> int:
        instance = self._instances.pop(name, None)
        if instance is None:
            return 0
        subject = self._link.subjects.registration("leave", instance.service, instance.id)
        leave = Leave(instance.id, instance.service, instance.incarnation)
        return _joined.decode(await self._link.asker.ask("registry", subject, encode(leave), 1.0)).revision

    def _beat(self) -> None:
        now = self.surroundings.clock()
        lag, self._last = max(0.0, now - self._last - BEAT), now
        self._link.busy.late(lag)
        if self._rejoin and not self._joining and now >= self._patient:
            self._rejoin = False
            self._join_again(tuple(self._instances))
        if self._instances and not self._deaf(lag):
            self._tell_of_life(lag)

    def _deaf(self, lag: float) -> bool:
        """Return whether nothing may reach this node: whoever cannot be called must not say that it lives.

        An answer to the last heartbeat shows that the line is well. Where there was none, a registry may be slow or a
        line dead: the bus itself is asked, and the next heartbeat waits for its answer.
        """
        if not self._unanswered:
            return False
        if self._line is None:
            self._line = self.surroundings.loop.create_task(self._listen_for_bus(lag))
        return True

    async def _listen_for_bus(self, lag: float) -> None:
        try:
            await self._link.data.flush()
        except MeshError as error:
            log.debug("no heartbeat: %s", error)
            return
        finally:
            self._line = None
        if self._beating and self._instances:
            self._tell_of_life(lag)

    def _tell_of_life(self, lag: float) -> None:
        self._sequence += 1
        known = self._instances.values()
        members = tuple((one.service, one.id, one.incarnation) for one in known)
        renewals = tuple((one.service, one.id, one.renewal) for one in known if one.renewal)
        busy = self._link.loads
        loads = tuple((one.service, one.id, busy[one.id]()) for one in known if one.id in busy)
        beat = Heartbeat(self._link.node, self._sequence, *self._link.connections, members, lag, renewals, loads)
        asker = self._link.asker
        if self._asked:
            asker.bus.forget(self._asked)  # the registry that was to answer has not
        self._unanswered = True
        try:
            self._asked = asker.request(
                "registry", self._link.subjects.heartbeat(beat.node), encode(beat), self._answered
            )
        except MeshError as error:
            self._asked, self._unanswered = b"", False
            self._beat_by_data(beat, error)

    def _beat_by_data(self, beat: Heartbeat, error: MeshError) -> None:
        """Live by the connection for calls, where only the other one is lost: callers reach this node as before."""
        try:
            word = msgspec.structs.replace(beat, control=Connection())
            self._link.data.publish(self._link.subjects.heartbeat(beat.node), encode(word))
        except MeshError:
            log.debug("no heartbeat: %s", error)

    def _answered(self, answer: bytes | MeshError) -> None:
        self._asked, self._unanswered = b"", False
        if isinstance(answer, MeshError):
            log.debug("no registry answers the heartbeat: %s", answer)
            return
        try:
            beat = _beat.decode(answer)
        except MeshError as error:
            log.warning("the registry's answer to the heartbeat is none: %s", error)
            return
        if beat.unknown and not self._joining and self.surroundings.clock() >= self._patient:
            self._join_again(tuple(name for _, name in beat.unknown))
        elif beat.behind and not self._repeating:
            self._say_again(tuple(name for _, name in beat.behind))

    def _join_again(self, names: tuple[str, ...]) -> None:
        names = tuple(name for name in names if self.surroundings.clock() >= self._taken.get(name, 0.0))
        if not names:
            return
        self._joining = True  # until it is done: a slow registry must not fill the mailbox
        try:
            self.cell.tell(Again(names))
        except MeshError:  # about to stop
            self._joining = False

    def _say_again(self, names: tuple[str, ...]) -> None:
        self._repeating = True  # until it is done, as with joins
        try:
            self.cell.tell(Repeat(names))
        except MeshError:  # about to stop
            self._repeating = False

    async def _again(self, names: tuple[str, ...]) -> None:
        """Join anew, in a later incarnation: an instance that the registry lost must not stay unknown."""
        try:
            await self._all_again(names)
        finally:
            self._joining = False

    async def _all_again(self, names: tuple[str, ...]) -> None:
        for name in names:
            before = self._instances.get(name)
            if before is None:
                continue
            # Kept whatever comes of it: the registry may have taken and buried it though its answer was lost, and the
            # same incarnation would be refused for ever.
            instance = self._instances[name] = msgspec.structs.replace(before, incarnation=before.incarnation + 1)
            try:
                joined = await self._join(instance)
                if joined.taken:
                    # Whoever started last has the name. Counting up here would take it back, and so on for ever.
                    self._instances[name] = before
                    if name not in self._taken:
                        log.warning("%s has lost its place to another process of that name: %s", name, joined.error)
                    self._taken[name] = self.surroundings.clock() + TAKEN
                    continue
                self._taken.pop(name, None)
                if joined.incarnation:
                    self._instances[name] = msgspec.structs.replace(instance, incarnation=joined.incarnation)
                _checked(instance, joined)
            except MeshError as error:
                log.warning("%s could not join again: %s", name, error)
                self._rejoin = True
        if self._rejoin:
            wait = _AGAIN.wait(self._refusals, self.surroundings.rng)
            self._refusals, self._patient = self._refusals + 1, self.surroundings.clock() + wait
        else:
            self._refusals = 0


def _checked(instance: Instance, joined: Joined) -> int:
    if joined.error:
        raise Refused(f"{instance.service}/{instance.id} may not join: {joined.error}")
    return joined.revision
