"""Watches over the processes of the mesh: hears them, suspects and buries the silent, and those that the bus tells of.

It decides; what follows is told to the registry's mailbox. Suspicion takes nothing out: it keeps new calls away.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..actors.bus.bus import Bus, BusState, Subscription
from ..actors.loop.timer import Deadline
from ..actors.messages.codec import Codec, encode
from ..actors.messages.error import MeshError, Undecodable
from ..actors.messages.health import ROUTABLE, SUSPECTED
from ..actors.messages.instance import Connection
from ..actors.messages.subject import Subjects
from ..actors.messages.verdict import Silent, Verdicts
from ..actors.runtime.surroundings import Surroundings
from .ballot import Ballot
from .catalog import Catalog, Process
from .deaths import LostConnections, lost_connection
from .liveness import Liveness
from .message import Cut, Doubted, Gone

log = logging.getLogger("plait.registry")

TICK = 0.1
"""Seconds between two looks."""
SAY = 0.3
"""Seconds after which a verdict that stands is said again."""
DEAF = 30.0
"""Seconds for which a registry that hears nobody at all takes itself for the one that is cut off."""
REGISTRY = "plait-registry"

_verdicts = Codec[Verdicts](Verdicts)


class Watch:
    """One registry's. Its looks run on the event loop, beside the mailbox: a slow store makes nobody look dead."""

    def __init__(
        self, node: str, bus: Bus, subjects: Subjects, catalog: Catalog, tell: Callable[[Any], None], pause: float
    ) -> None:
        self.undecodable = 0
        self.lost = LostConnections()
        self._node = node
        self._bus = bus
        self._subjects = subjects
        self._catalog = catalog
        self._tell = tell
        self._liveness: Liveness[Process] = Liveness(pause)
        self._ballot = Ballot()
        self._silent: dict[Process, bool] = {}
        self._said = 0.0
        self._under_way: set[tuple[object, str]] = set()
        self._subscription: Subscription | None = None
        self._timer: Deadline | None = None
        self._due = 0.0
        self._heard = 0.0

    def start(self, surroundings: Surroundings) -> None:
        """Begin: nobody could be heard before."""
        self._around = surroundings
        self._subscription = self._bus.subscribe(self._subjects.healths(REGISTRY), self._told)
        self.begin()
        self._look_in(TICK)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._subscription is not None:
            self._subscription.unsubscribe()

    def begin(self) -> None:
        """Everybody gets the full time from now on."""
        self._silent = {}
        self._heard = self._around.clock()
        self._liveness.begin(self._heard)

    # What is heard

    def heard(self, process: Process) -> None:
        """A process gave a sign of life."""
        self._heard = self._around.clock()
        self._liveness.heard(process, self._heard)

    def _told(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        registry = subject[subject.rfind(b".") + 1 :].decode("ascii", "replace")
        if registry == self._node:
            return
        try:
            verdicts = _verdicts.decode(payload)
        except Undecodable:
            self.undecodable += 1
            return
        now = self._around.clock()
        self._ballot.note(registry, {(one.node, one.data): one.dead for one in verdicts.silent}, now)
        if self._silent:
            self._judge(now)

    def disconnected(self, payload: bytes) -> None:
        """The bus tells that a connection has ended.

        Raises:
            Undecodable: it does not.
        """
        connection = lost_connection(payload)
        self.lost.add(connection)
        self._bury_lost(connection)

    # Looking

    def _look_in(self, seconds: float) -> None:
        self._due = self._around.clock() + seconds
        self._timer = self._around.deadlines.at(self._due, self._look)

    def _look(self) -> None:
        now = self._around.clock()
        late = now - self._due
        self._look_in(TICK)
        if self._liveness.forgive(late, now) or self._bus.state is not BusState.CONNECTED:
            self._silent = {}
            return
        processes = self._catalog.processes()
        silent = self._liveness.silent(processes, now)
        if len(silent) == len(processes) > 1 and now - self._heard < DEAF:
            self._silent = {}
            return  # nobody at all is heard, this very node neither: it is rather this registry that is cut off
        before, self._silent = self._silent, {process: self._liveness.dead(process, now) for process in silent}
        if self._silent != before or (self._silent and now - self._said > SAY):
            self._say(now)
        self._judge(now)
        self._trust(now)
        for connection in self.lost:
            self._bury_lost(connection)

    def _say(self, now: float) -> None:
        self._said = now
        silent = tuple(Silent(*process, dead) for process, dead in self._silent.items())
        try:
            self._bus.publish(self._subjects.health(REGISTRY, self._node), encode(Verdicts(silent)))
        except MeshError as error:
            log.debug("no other registry hears of the silent: %s", error)

    def _judge(self, now: float) -> None:
        """Act on what this registry sees, where the others see it too."""
        for process, dead in self._silent.items():
            observers = self._observers(process)
            if dead and self._ballot.agreed(process, True, observers, now):
                self._send(self._catalog.of_process(process), partial(Gone, lost=None, silent=process))
            elif self._ballot.agreed(process, False, observers, now):
                trusted = self._with_health(process, *ROUTABLE)
                self._send(trusted, partial(Doubted, process=process, doubt=True))

    def _observers(self, accused: Process) -> list[str]:
        """Return the nodes of the other registries that are heard and not accused."""
        instances = self._catalog.of_service(REGISTRY)
        processes = [(one.node, one.data) for one in instances if one.node not in (self._node, accused[0])]
        return [process[0] for process in processes if process not in self._silent]

    def _trust(self, now: float) -> None:
        """Give those back their calls that are heard again, unless it is only here that they are."""
        for process in self._catalog.suspected():
            if self._liveness.fresh(process, now) and not self._ballot.accused(process, self._observers(process), now):
                keys = self._with_health(process, SUSPECTED)
                self._send(keys, partial(Doubted, process=process, doubt=False))

    def _with_health(self, process: Process, *health: str) -> list[str]:
        instances = self._catalog.instances
        return [key for key in self._catalog.of_process(process) if instances[key].health in health]

    def lives(self, process: Process) -> bool:
        """Return whether a process is heard just now."""
        return process[1] not in self.lost and self._liveness.fresh(process, self._around.clock())

    def heard_again(self, process: Process) -> bool:
        """Return whether a process that was taken for dead was heard since."""
        return not self._liveness.dead(process, self._around.clock())

    # Acting

    def _bury_lost(self, connection: Connection) -> None:
        self._send(self._catalog.on_connection(connection), partial(Gone, lost=connection))
        self._send(self._catalog.led_by(connection), partial(Cut, control=connection))

    def beaten_by_data(self, process: Process) -> None:
        """A heartbeat came over the connection for calls: the node has no other one just now."""
        instances = self._catalog.instances
        for key in self._catalog.of_process(process):
            if (control := instances[key].control) != Connection():
                self._send([key], partial(Cut, control=control))

    def _send(self, keys: Iterable[str], make: "partial[Gone] | partial[Doubted] | partial[Cut]") -> None:
        """Tell of these instances, unless the same is under way: a death must not wait for what is milder."""
        kind = make.func
        todo = [key for key in keys if (kind, key) not in self._under_way]
        if not todo:
            return
        self._under_way.update((kind, key) for key in todo)
        try:
            self._tell(make(todo))
        except MeshError:  # too much to do, or about to stop: the next look finds it again
            self._under_way.difference_update((kind, key) for key in todo)

    def done(self, verdict: Gone | Doubted | Cut) -> None:
        """What was told of these instances has been seen to."""
        self._under_way.difference_update((type(verdict), key) for key in verdict.keys)

    def forget(self) -> None:
        """Drop what is known of those who are gone."""
        self._liveness.forget(lambda process: bool(self._catalog.of_process(process)), self._around.clock())
