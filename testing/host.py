"""One simulated machine: runs a node, and can be killed, paused, cut off and started again, as a process can."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..actors.bus.address import GAP
from ..actors.messages.error import MeshError
from ..actors.runtime.spec import Spec
from ..actors.runtime.surroundings import Probe
from ..actors.service.service import Service
from ..mesh.node import Node
from ..mesh.options import NodeOptions
from .bucket import Stores
from .door import SimDoor
from .ground import SimGround
from .loop import SimLoop
from .network import SERVER_PATIENCE, SimServer

if TYPE_CHECKING:
    from .trace import Trace
    from .world import World

REVIVAL = 1.0
"""Seconds after which a node that could not start, or gave up, is started again, as `plait up` does."""


class Host:
    """Outlives its nodes: each start is another process of the same name."""

    def __init__(
        self,
        world: "World",
        server: SimServer,
        stores: Stores,
        trace: "Trace",
        options: NodeOptions,
        runs: Sequence[type[Service] | Spec],
        seed: str,
        probe: Callable[["Host"], Probe],
        began: Callable[["Host"], None],
        failed: Callable[[SimLoop, dict[str, Any]], None],
    ) -> None:
        self.world = world
        self.server = server
        self.stores = stores
        self.trace = trace
        self.options = options
        self.runs = runs
        self.name = options.name
        self.isolated = False
        self.since = 0.0
        """When it was cut off last."""
        self.cuts = 0
        self.joined_at = 0.0
        """When it was plugged in again last."""
        self.unnoticed = 0.0
        """Seconds for which the lines held messages at most without its connections noticing."""
        self.side = 0
        """Which set of a partition it is in; all are 0 where there is none."""
        self.jumped = 0.0
        """Seconds that its time of day is off."""
        self.wanted = False
        """Whether it is to run: one that was killed by chance is started again by whoever killed it."""
        self.stood_still = 0.0
        """Seconds of pauses so far: what was late because of them was not late by its own fault."""
        self.lives = self.kills = self.pauses = 0
        self.trouble = ""
        """Why its last life could not start, or ended by itself."""
        self.buried: list[object] = []
        """Nodes that died: kept to the end of the run, so that nothing of them is cleaned up at a time of its own."""
        self.node: Node | None = None
        self.ready = False
        self.ground: SimGround | None = None
        self.restarting: asyncio.Task[None] | None = None
        """The stop and start under way, as the scenario asked for it."""
        self._seed = seed
        self.probe = probe(self)
        self._began = began
        self._failed = failed
        self._paused_at = 0.0
        self._left: Callable[[BaseException | None], None] | None = None
        self._leaving: asyncio.Future[BaseException | None] | None = None
        self.left_behind: list[str] = []
        """Connections that a node had still open when it had stopped in order."""
        self._origin = random.Random(f"{seed}/origin").uniform(10.0, 1e6)
        self._rate = 1.0 + random.Random(f"{seed}/rate").uniform(-1e-4, 1e-4)
        self.loop = self._new_loop()
        self.loop.dead = True

    def _new_loop(self) -> SimLoop:
        return SimLoop(self.world, self.name, self._origin, self._rate, self._failed)

    @property
    def running(self) -> bool:
        """Whether there is a process, be it paused."""
        return not self.loop.dead

    def doors(self) -> list[SimDoor]:
        """Return the addresses that are open."""
        return [door for door in self.ground.doors if door.open] if self.running and self.ground else []

    # Its lives

    def start(self) -> None:
        """Start the process; harmless where it runs."""
        self.wanted = True
        if self.running:
            return
        self.lives += 1
        self.ready = False
        self.loop = self._new_loop()
        self.trace.note(f"{self.name} starts")
        self.loop.arrive(self._begin)

    def _begin(self) -> None:
        ground = self.ground = SimGround(self, random.Random(f"{self._seed}/{self.lives}"))
        self.node = Node(self.options, ground, runs=self.runs, tell=self._told)
        self._began(self)
        self.loop.create_task(self._live(self.node, self.loop), name=f"{self.name} lives")

    async def _live(self, node: Node, loop: SimLoop) -> None:
        try:
            await node.start()
        except Exception as error:
            self.trouble = f"could not start: {error if isinstance(error, MeshError) else repr(error)}"
            self.trace.note(f"{self.name} {self.trouble}")
            await self._end(node, loop)
            return
        self.ready = True
        self.trace.note(f"{self.name} is ready")
        await asyncio.wait((node.failed, node.departure.drained), return_when=asyncio.FIRST_COMPLETED)
        if node.failed.done():
            self.trouble = f"failed: {node.failed.result()}"
            self.trace.note(f"{self.name} {self.trouble}")
        else:
            self.trace.note(f"{self.name} is drained and ends")
        await self._end(node, loop)

    async def _end(self, node: Node, loop: SimLoop) -> None:
        self.ready = False
        try:
            await node.stop()
        except Exception as error:
            self.trace.note(f"{self.name} stopped badly: {error!r}")
        self.world.at(self.world.now, self._exit, loop)
        self.world.at(self.world.now + REVIVAL, self._revive)

    def _exit(self, loop: SimLoop) -> None:
        if self.loop is loop and self.running:
            self._gone()

    def _revive(self) -> None:
        if self.wanted:
            self.start()

    def _told(self, line: str) -> None:
        self.trace.note(f"{self.name} says: {line}")

    async def stop(self) -> None:
        """Stop the node in order and end the process; to be awaited on another loop.

        Raises:
            Exception: what stopping raised.
        """
        self.wanted = False
        if not self.running:
            return
        self.resume()
        loop, node = self.loop, self.node
        outside = asyncio.get_running_loop()
        assert isinstance(outside, SimLoop)
        if self._leaving is not None:
            await asyncio.shield(self._leaving)  # it is being stopped already
            return
        done: asyncio.Future[BaseException | None] = outside.create_future()
        self._leaving = done

        def left(error: BaseException | None) -> None:
            outside.arrive(lambda: None if done.done() else done.set_result(error))

        async def leave() -> None:
            error: BaseException | None = None
            try:
                if node is not None and hasattr(node, "supervisor"):
                    await node.stop()
                    self.left_behind = [
                        bus.name for bus in self.server.of(self) if bus.name.startswith(f"{self.name} ")
                    ]
            except (Exception, asyncio.CancelledError) as raised:
                error = raised
            if not loop.dead:  # else it was killed over it, and unwinding its work means nothing
                left(error)

        self.trace.note(f"{self.name} is told to stop")
        self.ready = False
        self._left = left
        loop.arrive(lambda: loop.create_task(leave()))
        error = await done
        self._left = self._leaving = None
        if self.loop is loop and self.running:
            self._gone()
        if error is not None:
            raise error

    def crash(self) -> None:
        """Kill the process: it does nothing more, and nobody is told but by the end of its connections."""
        self.wanted = False
        self.kills += 1
        if self.running:
            self.trace.note(f"{self.name} is killed")
            self._gone()

    def _gone(self) -> None:
        if self.loop.paused:
            self.resume()
        self.ready = False
        self.server.bury(self)
        self.loop.kill()
        if self._left is not None:
            self._left(None)
        if self.ground is not None:
            for door in self.ground.doors:
                door.abort()
        self.buried.append((self.loop, self.node, self.ground))
        self.node = self.ground = None

    # What may happen to it

    def pause(self) -> None:
        """Have it stand still; what is sent to it waits in its buffers."""
        if self.running and not self.loop.paused:
            self.trace.note(f"{self.name} stands still")
            self.pauses += 1
            self.loop.pause()
            self._paused_at = self.world.now
            self.world.at(self.world.now + SERVER_PATIENCE, self._given_up, self.pauses)

    def _given_up(self, pause: int) -> None:
        if self.loop.paused and self.pauses == pause:
            for bus in self.server.of(self):
                self.server.cut(bus)

    def resume(self) -> None:
        """Have it go on. Its connections take what they read now for stale until the server has answered a PING."""
        if not self.loop.paused:
            return
        stood = self.world.now - self._paused_at
        self.stood_still += stood
        self.trace.note(f"{self.name} goes on after {stood:.3f} s")
        for bus in self.server.of(self):
            bus.pending = 0
        if stood > GAP:
            self.server.barrier(self)
        self.loop.resume()

    def jump(self, seconds: float) -> None:
        """Set its time of day forward or back; seconds that only grow go on as before."""
        self.jumped += seconds
        self.trace.note(f"the time of day of {self.name} jumps by {seconds:.3f} s")
