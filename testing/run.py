"""Plays a scenario in a simulated mesh: one call, and what comes of it is a function of its seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from ..actors.service.service import Service
from .chaos import Chaos
from .failure import SimulationError, SimulationFailed, Stuck
from .faults import Faults, Lines
from .plan import SimNode, plan
from .quiet import Quiet
from .simulation import Simulation

Scenario = Callable[[Simulation], Awaitable[Any]]


class Run(msgspec.Struct, frozen=True):
    """What came of a run that held."""

    seed: int
    result: Any
    """What the scenario returned."""
    seconds: float
    """Virtual time that it took."""
    digest: str
    """The same for two runs in which the same bytes passed at the same times."""
    messages: int
    """How many the bus carried."""
    struck: dict[str, int]
    """How often each kind of misfortune happened."""
    checked: dict[str, int]
    """How often the invariants were looked at."""
    settling: float
    """Virtual seconds that the mesh took to agree again after the last fault."""
    trace: list[str]
    """The last that happened, a line each."""


def simulate(
    scenario: Scenario,
    *,
    seed: int = 0,
    services: Sequence[type[Service]] = (),
    nodes: Sequence[SimNode] = (),
    registries: int = 2,
    policies: int = 2,
    gateways: int = 1,
    policy: Sequence[str] = (),
    faults: Faults | None = None,
    lines: Lines | None = None,
    mesh: str = "default",
    sampling: float = 0.0,
    limit: float = 7200.0,
    kept: int = 2000,
) -> Run:
    """Play `scenario` in a mesh of its own, in virtual time, and hold the run against the invariants.

    Every node is started, `policy` applied, then the scenario runs while `faults` strike; after it the faults end, the
    mesh must agree with itself again, and every node must stop in order.

    Args:
        scenario: a coroutine function that takes the `Simulation`; what it raises fails the run.
        seed: all chance of the run comes from it.
        services: each gets a node of its own.
        nodes: further nodes, where names, replicas, localities, plain actors or the mesh's own roles are wanted.
        registries, policies, gateways: how many nodes run these.
        policy: documents that are in force when the scenario begins, as YAML.
        faults: how often what strikes; nothing does by default, but what the scenario itself does.
        lines: latency and mishaps of messages.
        mesh: its name.
        sampling: share of the gateway's requests that are traced.
        limit: virtual seconds after which the run is taken to hang.
        kept: lines of the trace that are kept.

    Raises:
        SimulationFailed: an invariant does not hold, the scenario raised, or the run hangs; with seed and trace.
        SimulationError: there can be no such mesh, or an event loop runs here already.
    """
    if asyncio._get_running_loop() is not None:
        raise SimulationError("a simulation runs by itself: call simulate() where no event loop runs, not in one")
    planned = plan(services, nodes, registries, policies, gateways)
    lines = msgspec.structs.replace(lines or Lines())  # the run may change it: the next one must not see that
    simulation = Simulation(seed, planned, mesh=mesh, lines=lines, sampling=sampling, kept=kept)
    chaos = Chaos(simulation, faults or Faults.none(), random.Random(f"{seed}/chaos"))

    async def play() -> tuple[Any, float]:
        await simulation.begin(policy)
        chaos.begin()
        result = await scenario(simulation)
        chaos.end()
        settling = await simulation.settled.converge()
        simulation.nothing_unseen()
        await simulation.end()
        return result, settling

    outcome: list[asyncio.Task[tuple[Any, float]]] = []
    invariants, world = simulation.invariants, simulation.world

    def begin() -> None:
        outcome.append(simulation.loop.create_task(play(), name="scenario"))
        outcome[0].add_done_callback(lambda _: setattr(world, "over", True))

    simulation.loop.arrive(begin)
    where: list[str] = []
    with Quiet(simulation), _Seeded(seed):
        try:
            try:
                world.run(limit)
                if invariants.broken is not None:
                    raise invariants.broken
                result, settling = outcome[0].result()
            except Stuck:
                where = _where(outcome)
                raise
            finally:
                _put_away(simulation)
        except BaseException as error:  # pytest.fail() raises one that is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit) or type(error).__name__ == "Skipped":
                raise
            raise SimulationFailed(seed, error, [*simulation.trace.lines(), *where]) from error
    for name in sorted(simulation.stores.buckets):
        simulation.trace.add(repr((name, simulation.stores.all(name))).encode())
    return Run(
        seed, result, world.now, simulation.trace.digest, simulation.server.counts["carried"], dict(chaos.struck),
        dict(invariants.checked), settling, simulation.trace.lines(),
    )  # fmt: skip


def _where(outcome: list[asyncio.Task[tuple[Any, float]]]) -> list[str]:
    """Return where the scenario waits, in the form of a traceback."""
    frames = [frame for task in outcome for frame in task.get_stack()]
    lines = [f'the scenario waits in File "{one.f_code.co_filename}", line {one.f_lineno}' for one in frames]
    return lines[-3:]


def _put_away(simulation: Simulation) -> None:
    for host in simulation.hosts:
        host.loop.kill()
    simulation.loop.kill()


class _Seeded:
    """Gives the shared `random` module the run's seed for its time: services that draw there draw the same again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> None:
        self._before = random.getstate()
        random.seed(f"{self._seed}/shared")

    def __exit__(self, *_: object) -> None:
        random.setstate(self._before)
