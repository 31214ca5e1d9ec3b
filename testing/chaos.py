"""Random misfortune: draws what strikes when, lets it happen, and ends it all when the run wants to be calm.

It undoes only what it did itself: what the scenario lets happen is the scenario's to end.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from .faults import Faults, Lines
from .world import Timer

if TYPE_CHECKING:
    from .host import Host
    from .simulation import Simulation

MINUTE = 60.0
HOUR = 3600.0


class Chaos:
    """Strikes at the hosts of one simulation from `begin` to `end`."""

    def __init__(self, simulation: "Simulation", faults: Faults, rng: random.Random) -> None:
        self.struck: dict[str, int] = dict.fromkeys(Faults.kinds(), 0)
        """How often each kind has happened; a strike at what is broken already is none."""
        self._simulation = simulation
        self._world = simulation.world
        self._faults = faults
        self._rng = rng
        self._timers: dict[str, Timer] = {}
        self._storms = self._partitions = 0
        self._on = False

    def begin(self) -> None:
        """Let misfortune strike from now on."""
        self._on = True
        for kind in Faults.kinds():
            self._next(kind)

    def end(self) -> None:
        """No more; what is broken is mended now, whoever broke it."""
        self._on = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._simulation.mend()

    def _next(self, kind: str) -> None:
        rate = getattr(self._faults, kind)
        if rate > 0:
            when = self._world.now + self._rng.expovariate(rate / MINUTE)
            self._timers[kind] = self._world.at(when, self._strike, kind)

    def _strike(self, kind: str) -> None:
        if self._on:
            strike: Callable[[], bool] = getattr(self, f"_{kind}")
            self.struck[kind] += strike()
            self._next(kind)

    def _later(self, longest: float, holds: Callable[[], bool], do: Callable[..., object], *arguments: object) -> None:
        """Have a misfortune end after a while, if it still is this one; at the latest it ends with the chaos."""

        def ends() -> None:
            if self._on and holds():
                do(*arguments)

        self._world.at(self._world.now + longest * self._rng.random(), ends)

    def _anyone(self) -> "Host":
        return self._rng.choice(self._simulation.hosts)

    # What may strike; each says whether it changed anything

    def _crash(self) -> bool:
        host = self._anyone()
        if not host.running:
            return False
        host.crash()
        kills = host.kills
        self._later(5.0, lambda: host.kills == kills, host.start)
        return True

    def _pause(self) -> bool:
        host = self._anyone()
        if not host.running or host.loop.paused:
            return False
        host.pause()
        pauses = host.pauses
        self._later(self._faults.longest_pause, lambda: host.pauses == pauses, host.resume)
        return True

    def _isolate(self) -> bool:
        host = self._anyone()
        if host.isolated:
            return False
        self._simulation.isolate(host.name)
        cuts = host.cuts
        self._later(self._faults.longest_cut, lambda: host.cuts == cuts, self._simulation.join_again, host.name)
        return True

    def _partition(self) -> bool:
        names = [host.name for host in self._simulation.hosts]
        self._rng.shuffle(names)
        few = names[: self._rng.randint(1, max(1, len(names) // 2))]
        if any(host.side for host in self._simulation.hosts):
            return False
        self._simulation.partition(few)
        number = self._simulation.partitions
        self._later(self._faults.longest_cut, lambda: self._simulation.partitions == number, self._simulation.heal)
        return True

    def _reconnect(self) -> bool:
        buses = [bus for bus in self._simulation.server.of(self._anyone()) if bus.online]
        if not buses:
            return False
        bus = self._rng.choice(buses)
        self._simulation.trace.note(f"{bus.name} loses its connection")
        self._simulation.server.cut(bus)
        return True

    def _outage(self) -> bool:
        self._simulation.outage(2.0 * self._rng.random())
        return True

    def _jump(self) -> bool:
        self._anyone().jump(self._rng.uniform(-HOUR, HOUR))
        return True

    def _storm(self) -> bool:
        draw, storm = self._rng.random, Lines(0.0, 0.0)
        storm.loss, storm.reorder, storm.slow = 0.1 * draw(), 0.1 * draw(), 0.1 * draw()
        storm.duplicate = 0.05 * draw() if draw() < 0.5 else 0.0
        self._simulation.server.weather.storm = storm
        self._simulation.trace.note("a storm: messages are lost, late, twice and out of order")
        self._later(5.0, lambda: self._simulation.server.weather.storm is storm, self._simulation.smooth)
        return True

    def _store(self) -> bool:
        self._simulation.trouble(3.0 * self._rng.random())
        return True

    def _restart(self) -> bool:
        host = self._anyone()
        if not host.running or host.restarting is not None:
            return False
        self._simulation.restart(host.name)
        return True
