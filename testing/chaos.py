"""Random misfortune: draws what strikes when, lets it happen, and ends it all when the run wants to be calm."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

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
        """How often each kind has happened."""
        self._simulation = simulation
        self._world = simulation.world
        self._faults = faults
        self._rng = rng
        self._calm = msgspec.structs.replace(simulation.lines)
        self._timers: dict[str, Timer] = {}
        self._on = False

    def begin(self) -> None:
        """Let misfortune strike from now on."""
        self._on = True
        for kind in Faults.kinds():
            self._next(kind)

    def end(self) -> None:
        """No more; what is broken is mended now."""
        self._on = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._smooth()
        self._simulation.mend()

    def _next(self, kind: str) -> None:
        rate = getattr(self._faults, kind)
        if rate > 0:
            when = self._world.now + self._rng.expovariate(rate / MINUTE)
            self._timers[kind] = self._world.at(when, self._strike, kind)

    def _strike(self, kind: str) -> None:
        if self._on:
            strike: Callable[[], None] = getattr(self, f"_{kind}")
            self.struck[kind] += 1
            strike()
            self._next(kind)

    def _later(self, longest: float, do: Callable[..., object], *arguments: object) -> None:
        """Have a misfortune end, at the latest when chaos does."""

        def ends() -> None:
            if self._on:
                do(*arguments)

        self._world.at(self._world.now + longest * self._rng.random(), ends)

    def _anyone(self) -> "Host":
        return self._rng.choice(self._simulation.hosts)

    # What may strike

    def _crash(self) -> None:
        host = self._anyone()
        host.crash()
        self._later(5.0, host.start)

    def _pause(self) -> None:
        host = self._anyone()
        host.pause()
        self._later(self._faults.longest_pause, host.resume)

    def _isolate(self) -> None:
        host = self._anyone()
        if not host.isolated:
            self._simulation.isolate(host.name)
            self._later(self._faults.longest_cut, self._simulation.join_again, host.name)

    def _partition(self) -> None:
        names = [host.name for host in self._simulation.hosts]
        self._rng.shuffle(names)
        self._simulation.partition(names[: self._rng.randint(1, max(1, len(names) // 2))])
        self._later(self._faults.longest_cut, self._simulation.heal)

    def _reconnect(self) -> None:
        buses = self._simulation.server.of(self._anyone())
        if buses:
            bus = self._rng.choice(buses)
            self._simulation.trace.note(f"{bus.name} loses its connection")
            self._simulation.server.cut(bus)

    def _outage(self) -> None:
        self._simulation.outage(2.0 * self._rng.random())

    def _jump(self) -> None:
        self._anyone().jump(self._rng.uniform(-HOUR, HOUR))

    def _storm(self) -> None:
        draw = self._rng.random
        lines = self._simulation.lines
        lines.loss, lines.reorder, lines.slow = 0.1 * draw(), 0.1 * draw(), 0.1 * draw()
        lines.duplicate = 0.05 * draw() if draw() < 0.5 else 0.0
        self._simulation.trace.note("a storm: messages are lost, late, twice and out of order")
        self._later(5.0, self._smooth)

    def _smooth(self) -> None:
        for name in Lines.__struct_fields__:
            setattr(self._simulation.lines, name, getattr(self._calm, name))

    def _store(self) -> None:
        self._simulation.trouble(3.0 * self._rng.random())

    def _restart(self) -> None:
        self._simulation.restart(self._anyone().name)
