"""Nodes that judge the same instances and tell each other, without an event loop: time is a number."""

import heapq
import itertools
import random

from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.instance import Instance
from plait.actors.messages.subject import Subjects
from plait.actors.messages.traffic import Outlier, TrafficPolicy
from plait.actors.proxy.gossip import Gossip
from plait.actors.proxy.hearing import Hearing
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream

SUBJECTS = Subjects("m")


def answer(status):
    return ReplyFrame(1, status, [], b"")


GOOD, BAD = answer(200), answer(500)


class Time:
    """A clock and what is due by it."""

    def __init__(self):
        self.now = 1000.0
        self._due, self._order = [], itertools.count()

    def __call__(self):
        return self.now

    def later(self, seconds, fire):
        heapq.heappush(self._due, (self.now + seconds, next(self._order), fire))

    def pass_(self, seconds):
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, fire = heapq.heappop(self._due)
            fire()
        self.now = end

    @property
    def waits(self):
        return bool(self._due)


class Bus:
    """Brings each message to all who listen, at once; `cut` nodes neither speak nor hear."""

    def __init__(self):
        self.listeners, self.sent, self.cut = [], [], set()

    def of(self, node):
        return Line(self, node)


class Line:
    def __init__(self, bus, node):
        self.bus, self.node = bus, node

    def publish(self, subject, payload, reply=b"", headers=b""):
        if self.node in self.bus.cut:
            return
        self.bus.sent.append((subject, payload))
        pattern = subject.rpartition(b".")[0] + b".*"
        for node, wanted, deliver in list(self.bus.listeners):
            if wanted == pattern and node not in self.bus.cut:
                deliver(subject, b"", payload, b"")

    def subscribe(self, subject, deliver, queue=b""):
        entry = (self.node, subject, deliver)
        self.bus.listeners.append(entry)
        self.unsubscribe = lambda: self.bus.listeners.remove(entry)
        return self


class Caller:
    """One node: its judge of service `s`, and its voice."""

    def __init__(self, court, name, policy):
        self.court, self.name = court, name
        self.hearing = Hearing(court.time, court.time.later, lambda: True)
        self.directory = Directory(random.Random(name), hearing=self.hearing)
        self.hearing.known = lambda service: len(self.directory.services().get(service, ()))
        self.unread = []
        self.gossip = Gossip(
            self.hearing, self.directory.services, court.bus.of(name), SUBJECTS, name, random.Random(name),
            member=lambda node: node in court.callers, undecodable=lambda *what: self.unread.append(what),
        )  # fmt: skip
        if court.shared:
            self.gossip.open()
        for instance in court.instances.values():
            self.directory.put(instance)
        self.use(policy)

    def use(self, policy):
        self.cluster = self.directory.cluster(Upstream("s", "", {}, TrafficPolicy(outlier=policy)))

    def endpoint(self, name):
        return self.directory.services()["s"][name]

    def has(self, name, *outcomes, seconds=0.01):
        for outcome in outcomes:
            self.cluster.record(self.endpoint(name), outcome, seconds)

    def call(self, court_says):
        """One call as the balancer would send it; returns whether it went well."""
        endpoint = self.cluster.pick(())
        outcome, seconds = court_says(self.name, endpoint.id)
        self.cluster.record(endpoint, outcome, seconds)
        return outcome is GOOD

    def ejected(self, name):
        return self.cluster.ejected(self.endpoint(name))

    @property
    def out(self):
        return {one.id for one in self.cluster.members if self.cluster.ejected(one)}

    @property
    def rotation(self):
        return {one.id for one in self.cluster.endpoints}


class Court:
    """Instances `i0`, `i1` … each on a node of its own, and callers `c0`, `c1` …"""

    def __init__(self, callers=1, instances=3, policy=None, shared=True):
        self.time, self.bus, self.shared = Time(), Bus(), shared
        self.instances = {f"i{n}": Instance(f"i{n}", "s", "v1", {}, "", f"n{n}", 1) for n in range(instances)}
        self.callers = {}
        for number in range(callers):
            self.come(f"c{number}", policy)

    def come(self, name, policy=None):
        self.callers[name] = Caller(self, name, Outlier() if policy is None else policy)
        return self.callers[name]

    def put(self, instance):
        self.instances[instance.id] = instance
        for caller in self.callers.values():
            caller.directory.put(instance)

    def __getitem__(self, number):
        return self.callers[f"c{number}"]

    def __iter__(self):
        return iter(self.callers.values())
