"""What must hold once a simulated mesh is left in peace: all agree, nothing acknowledged is lost, all can stop."""

import asyncio
from typing import TYPE_CHECKING, Any

from ..actors.bus.bus import BusState
from ..actors.messages.codec import Codec
from ..actors.messages.instance import Instance
from ..actors.policy.record import unpack
from .failure import Violation

if TYPE_CHECKING:
    from .host import Host
    from .simulation import Simulation

LIMIT = 60.0
"""Virtual seconds after the last fault in which the replicas must be equal."""
STOP_LIMIT = 60.0

_instances: Codec[Instance] = Codec[Instance](Instance)


class Settled:
    """Looks at one run from outside, straight into its stores and nodes."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._acknowledged: dict[int, bytes] = {}

    # No acknowledged policy is lost

    def acknowledged(self, answer: dict[str, Any]) -> None:
        """Remember a revision that a user was told is in force.

        Raises:
            Violation: the store does not have it, or it is another one.
        """
        changed = [one for one in answer["applied"] if one["action"] != "unchanged"]
        if not changed:
            return
        revision = int(answer["revision"])
        stored = self._stored(revision)
        if stored is None:
            raise Violation(f"policy revision {revision} was acknowledged and is not in the store")
        names = {f"{one['kind']}/{one['namespace']}/{one['name']}" for one in changed}
        if not names <= {key for key, _ in unpack(stored).changes}:
            raise Violation(f"policy revision {revision} in the store is not the one that was acknowledged")
        self._acknowledged[revision] = stored

    def _stored(self, revision: int) -> bytes | None:
        found = self._simulation.stores.peek(f"plait-{self._simulation.mesh}-policy", f"r.{revision}")
        return None if found is None else found.value

    def kept(self) -> None:
        """Look whether every acknowledged revision still stands as it was.

        Raises:
            Violation: one does not.
        """
        for revision, stored in self._acknowledged.items():
            if self._stored(revision) != stored:
                raise Violation(f"the acknowledged policy revision {revision} is no longer in the store as it was")

    # The replicas converge

    async def converge(self) -> float:
        """Wait until every node agrees with the stores; return the seconds that it took.

        Raises:
            Violation: they do not within `LIMIT` seconds.
        """
        began, before = self._simulation.now, ""
        while why := self._unsettled():
            if self._simulation.now - began > LIMIT:
                raise Violation(f"{LIMIT:g} s after the last fault {why}")
            if why != before:
                before = why
                self._simulation.trace.note(f"not settled: {why}")
            await asyncio.sleep(0.05)
        self.kept()
        return self._simulation.now - began

    def _unsettled(self) -> str:
        simulation = self._simulation
        registry = simulation.stores.all(f"plait-{simulation.mesh}-registry")
        policies = simulation.stores.all(f"plait-{simulation.mesh}-policy")[0]
        policy = max((int(key[2:]) for key, _ in policies if key.startswith("r.")), default=0)
        for host in simulation.hosts:
            node = host.node
            if node is None or not host.ready:
                return f"{host.name} is not ready"
            if node.link.data.state is not BusState.CONNECTED or node.link.control.state is not BusState.CONNECTED:
                return f"{host.name} is not connected"
            if node.link.data.stalled or node.link.control.stalled:
                return f"{host.name} takes what it reads for stale"
            if node.registry.stale or node.registry.replica.entries != dict(registry[0]):
                ahead = node.registry.revision - registry[1]
                return f"{host.name} has another registry than the store (its revision is {ahead:+d} from there)"
            decides = node.proxy.snapshot.table.revision
            if node.policy.stale or not node.policy.revision == policy == decides:
                return f"{host.name} decides by policy revision {decides}, the store has {policy}"
        return self._somebody_missing(dict(registry[0]))

    def _somebody_missing(self, entries: dict[str, bytes]) -> str:
        """Who is alive is found, and nobody else."""
        expected: set[str] = set()
        for host in self._simulation.hosts:
            assert host.node is not None
            expected.update(f"{one.service}.{one.id}" for one in host.node.members.values())
        if gone := sorted(set(entries) - expected):
            return f"{gone[0]} is in the registry though nobody runs it"
        if missing := sorted(expected - set(entries)):
            return f"{missing[0]} runs and is not in the registry"
        return self._misjudged(entries)

    def _misjudged(self, entries: dict[str, bytes]) -> str:
        """The registry says of everybody what they say of themselves."""
        for host in self._simulation.hosts:
            assert host.node is not None
            for one in host.node.members.values():
                known = _instances.decode(entries[f"{one.service}.{one.id}"])
                if (known.health, known.reason) != (one.health, one.reason):
                    return f"{one.id} is {known.health} in the registry ({known.reason}), and {one.health} by itself"
        return ""

    # All can stop

    async def stopped(self, host: "Host") -> None:
        """Stop a node in order and look whether it leaves nothing behind.

        Raises:
            Violation: it does not stop, or leaves a connection.
        """
        try:
            async with asyncio.timeout(STOP_LIMIT):
                await host.stop()
        except TimeoutError:
            raise Violation(f"{host.name} did not stop within {STOP_LIMIT:g} s") from None
        except (Exception, asyncio.CancelledError) as error:
            raise Violation(f"{host.name} stopped badly: {error!r}") from error
        if host.left_behind:
            raise Violation(f"{host.name} has stopped and left {', '.join(host.left_behind)} open")
