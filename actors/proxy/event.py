"""Events on their way out: one member of each interested group is sent each event, as a call that nobody waits for.

An event takes the way of a call from the pick of an instance on, so that draining, deaths, full mailboxes and stalls
are met as they are for calls. No route decides about it: policy is about calls.
"""

import logging
import random
from collections.abc import Callable
from functools import partial

import msgspec

from ...tracing.log import OncePer
from ..bus.bus import BusState
from ..messages.envelope import ReplyFrame
from ..messages.error import BusUnavailable, MeshError, NoEndpoints, Processed
from ..messages.rule import RetryPolicy
from .call import EVENT as EVENT  # noqa: PLC0414 - handed on
from .call import Call
from .chain import Chain, Chains, Wants
from .cluster import Cluster
from .running import Observer, Running
from .topic import Topics
from .wire import Wire

log = logging.getLogger("plait.event")

LIMIT = 30.0
"""Seconds for reaching a handler and for its work, where the emitter does not say otherwise."""

_AGAIN = RetryPolicy(attempts=4)
"""More members that are tried where one did not take the event. EVENT is no safe method: what was perhaps handled
is never sent again (`retry.does_no_harm`), which makes it at most once."""


class Emitter:
    """Sends the events of one node; also router and observer of their calls: both know what an event is."""

    def __init__(
        self,
        wire: Wire,
        topics: Topics,
        steps: Chains,
        rng: random.Random,
        clock: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._wire = wire
        self._topics = topics
        self._named: dict[tuple[str, str], Cluster] = {}
        self._chain = steps.build(Wants(retries=_AGAIN))
        self._number = partial(rng.getrandbits, 63)
        self._clock = clock
        self._observer = observer
        self._noise = OncePer(log, clock=clock)

    def emit(self, event: Call, shown: bytes) -> int:
        """Send `event` to one member of each group that wants its path, the topic; return how many groups that is.

        `shown` is published once for observers outside the mesh; it is a courtesy, and may get lost.

        Raises:
            BusUnavailable: there is no connection; nothing was sent.
            TooLarge: the event does not fit the bus; nobody gets it.
        """
        bus = self._wire.bus
        if bus.state is not BusState.CONNECTED:
            raise BusUnavailable(f"the event {event.path} was not sent: the bus is {bus.state.value}")
        subject = self._wire.subjects.event(event.path)
        sent = 0
        errors: list[MeshError] = []
        for cluster in tuple(self._topics.groups(event.path)):
            one = msgspec.structs.replace(event, number=self._number(), cluster=cluster, tried=[])
            done = partial(self._ended, cluster, errors)
            running = Running(self, self._clock, one, done, self._clock())
            running.start(self)
            sent += not running.over  # an answer takes a turn of the loop: what is over already was never sent
        refused = next((error for error in errors if not isinstance(error, NoEndpoints)), None)
        if refused is not None and not sent:
            raise refused
        try:
            bus.publish(subject, shown)
        except MeshError as error:
            log.debug("%s was not shown outside: %s", event.path, error)
        return sent

    def route(self, call: Call) -> Chain:
        """Return the way from the pick on: the group was chosen before."""
        call.routed = True
        return self._chain

    def answered(self, call: Call, reply: ReplyFrame, seconds: float) -> None:
        """Observe the outcome in the name of the group, see `_name`."""
        call.cluster = self._name(call.cluster)
        self._observer.answered(call, reply, seconds)

    def failed(self, call: Call, error: MeshError, seconds: float) -> None:
        """Observe the outcome in the name of the group, see `_name`."""
        call.cluster = self._name(call.cluster)
        self._observer.failed(call, error, seconds)

    def _name(self, cluster: Cluster) -> Cluster:
        """Return what stands for topic and group for good: observers keep it, and groups come and go."""
        return self._named.setdefault((cluster.service, cluster.subset), cluster)

    def _ended(self, cluster: Cluster, errors: list[MeshError], outcome: ReplyFrame | MeshError) -> None:
        """The emitter hears nothing of this; whoever handles an event tells of its own failures."""
        if not isinstance(outcome, MeshError):
            return
        errors.append(outcome)
        lost = outcome.processed is Processed.NO
        topic, who = cluster.service, f"group {cluster.subset}" if cluster.subset else "an instance"
        told = "reached no member of" if lost else "may not have been handled by"
        level = logging.WARNING if lost else logging.INFO
        self._noise(f"{topic} {who}", level, "an event %s %s %s: %s", topic, told, who, outcome)
