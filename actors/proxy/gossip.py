"""Tells the other nodes what this one has to say of instances, and hears them: at once, but never in floods.

Each word replaces the one before, so that a lost one does little harm; what is out of rotation is said again and again,
so that a node that comes later need not learn it by failing.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import suppress

from ..bus.bus import Bus, Subscription
from ..messages.codec import Codec, encode
from ..messages.complaint import Complaint, Complaints
from ..messages.error import MeshError, Undecodable
from ..messages.subject import Subjects
from .endpoint import Endpoint
from .hearing import Hearing

BURST = 10
"""Messages on one service that go out at once."""
RATE = 10.0
"""Messages a second on one service after that; what comes between waits and goes together."""
REPEAT = 2.5
"""Seconds between two words on what is out of rotation, give or take a fifth."""
ENOUGH = 2
"""Other callers that have said so meanwhile: then it need not be said again."""
LARGEST = 16 * 1024
"""Bytes of a message that is read."""
PACKET = 64
"""Instances in one message."""


class _Budget:
    """What may still be said on one service."""

    __slots__ = ("at", "left", "waiting", "words")

    def __init__(self, now: float) -> None:
        self.left = float(BURST)
        self.at = now
        self.waiting = False
        self.words: dict[Endpoint, None] = {}

    def spend(self, now: float) -> bool:
        self.left = min(float(BURST), self.left + (now - self.at) * RATE)
        self.at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class Gossip:
    """The voice and ear of one node."""

    def __init__(
        self,
        hearing: Hearing,
        services: Callable[[], Mapping[str, Mapping[str, Endpoint]]],
        bus: Bus,
        subjects: Subjects,
        node: str,
        rng: random.Random,
        *,
        member: Callable[[str], bool],
        undecodable: Callable[[str, MeshError], None],
    ) -> None:
        """Make it; `open` begins.

        Args:
            hearing: what this node has to say, and what is to hear of others.
            services: the known instances, by service and id.
            bus: where it is said.
            subjects: of the mesh.
            node: who speaks.
            rng: chance.
            member: whether a node of that name has instances in the registry; others are not listened to.
            undecodable: is told who has sent what is no message.
        """
        self._hearing = hearing
        self._services = services
        self._bus = bus
        self._subjects = subjects
        self._node = node
        self._rng = rng
        self._member = member
        self._undecodable = undecodable
        self._codec = Codec[Complaints](Complaints)
        self._subscriptions: dict[str, Subscription] = {}
        self._budgets: dict[str, _Budget] = {}
        self._repeating = False
        self._closed = False
        self.strangers = 0
        """Messages of nodes that are not in the registry."""

    def open(self) -> None:
        """Listen for every service that is judged, and for those that will be."""
        self._hearing.voice = self
        for service in self._hearing.judges:
            self.listen(service)

    def close(self) -> None:
        """Say and hear no more."""
        self._closed = True
        self._hearing.voice = None
        while self._subscriptions:
            self._subscriptions.popitem()[1].unsubscribe()

    def listen(self, service: str) -> None:
        """Hear what others say of a service's instances."""
        if service not in self._subscriptions:
            with suppress(MeshError):  # closed: the node is about to end
                self._subscriptions[service] = self._bus.subscribe(self._subjects.healths(service), self._deliver)

    # What this node says

    def tell(self, endpoint: Endpoint) -> None:
        """Tell what this node has to say of an instance now, or as soon as the service's budget lets it."""
        service, now = endpoint.instance.service, self._hearing.clock()
        budget = self._budgets.get(service)
        if budget is None:
            budget = self._budgets[service] = _Budget(now)
        budget.words[endpoint] = None
        if budget.waiting:
            return
        if budget.spend(now):
            self._say(service, budget)
        else:
            budget.waiting = True
            self._hearing.after(1.0 / RATE, lambda: self._later(service, budget))
        if not self._repeating:
            self._repeat()

    def _later(self, service: str, budget: _Budget) -> None:
        budget.waiting = False
        if not self._closed and budget.words and budget.spend(self._hearing.clock()):
            self._say(service, budget)

    def _say(self, service: str, budget: _Budget) -> None:
        words = [one for one in budget.words if not one.gone][:PACKET]
        budget.words.clear()
        said: list[Complaint] = []
        for endpoint in words:
            counts, out = self._hearing.own(endpoint)
            errors, gateway, local = (min(count, 1_000_000) for count in counts)
            life = endpoint.instance.incarnation
            said.append(Complaint(endpoint.id, life, errors, gateway, local, min(out, 86_400.0)))
        if said:
            with suppress(MeshError):  # no bus: nobody to tell, and the next word replaces this one
                self._bus.publish(self._subjects.health(service, self._node), encode(Complaints(tuple(said))))

    def _repeat(self) -> None:
        """Say again what is out, from time to time, while anything is."""
        out = any(judge.shared and judge.ejected for judges in self._hearing.judges.values() for judge in judges)
        self._repeating = out and not self._closed
        if not self._repeating:
            return
        self._hearing.after(REPEAT * (0.8 + 0.4 * self._rng.random()), self._again)

    def _again(self) -> None:
        since = self._hearing.clock() - REPEAT
        for judges in list(self._hearing.judges.values()):
            for endpoint in {one: None for judge in judges if judge.shared for one in judge.ejected}:
                if self._hearing.others_have_out(endpoint, since) < ENOUGH and not self._closed:
                    self.tell(endpoint)
        self._repeat()

    # What others say

    def _deliver(self, subject: bytes, _reply: bytes, payload: bytes, _headers: bytes) -> None:
        service, speaker = (part.decode("ascii", "replace") for part in subject.split(b".")[-2:])
        if speaker == self._node:
            return
        if not self._member(speaker):
            self.strangers += 1
            return
        try:
            if len(payload) > LARGEST:
                raise Undecodable(f"{len(payload)} bytes of complaints")
            said = self._codec.decode(payload).said
        except MeshError as error:
            self._undecodable(speaker, error)
            return
        known = self._services().get(service, {})
        for one in said:
            endpoint = known.get(one.instance)
            if endpoint is not None and endpoint.instance.incarnation == one.incarnation:
                self._hearing.heard(speaker, endpoint, (one.errors, one.gateway, one.local), one.out)
