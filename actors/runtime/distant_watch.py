"""Watching actors of other nodes: told by their node, and looked after, as the word may be lost."""

import asyncio
from collections.abc import Container
from typing import TYPE_CHECKING, Any

import msgspec

from ..bus.bus import BusState
from ..loop.timer import Deadline
from ..messages.actor import ACTOR_VERSION, Act, ActorFrame
from ..messages.error import MeshError, NoResponders, UnknownActor
from .watch import NO_ACTOR, Heard

if TYPE_CHECKING:
    from .post import Post

LOOK = 5.0
"""Seconds between two looks whether a watched actor is still the same."""
AGAIN = 0.5
"""Seconds until the next try where nobody answered."""
PATIENCE = 3
"""Tries in a row on which nobody listens, after which the node is gone."""

NODE_GONE = "node gone"


class Distant(msgspec.Struct, eq=False):
    """One watched actor of another node."""

    node: str
    path: str
    watchers: dict[Any, Heard]
    token: bytes = b""
    """Names the life of actor and node that is watched; another one means that the first is gone."""
    misses: int = 0
    task: "asyncio.Task[None] | None" = None
    next: Deadline | None = None


class DistantWatches:
    """All that one node watches elsewhere; one conversation per actor, however many watch it."""

    def __init__(self, post: "Post") -> None:
        self._post = post
        self._all: dict[str, Distant] = {}
        self._open = False

    def open(self) -> None:
        """Look again after each reconnect: what was said meanwhile is lost."""
        if not self._open:
            self._open = True
            self._post.bus.listen(self._bus_changed)

    def close(self) -> None:
        """Watch nobody any more."""
        self._open = False
        for address in list(self._all):
            self._forget(address)

    def add(self, node: str, path: str, watcher: Any, heard: Heard) -> None:
        """Have `heard` called once when the actor or its node is gone."""
        address = f"{node}/{path}"
        distant = self._all.get(address)
        if distant is not None:
            distant.watchers[watcher] = heard
            return
        self._all[address] = Distant(node, path, {watcher: heard})
        self._look(address)

    def remove(self, node: str, path: str, watcher: Any) -> None:
        """Take a watcher out; the last one ends the watch."""
        address = f"{node}/{path}"
        distant = self._all.get(address)
        if distant is None:
            return
        distant.watchers.pop(watcher, None)
        if not distant.watchers:
            self._forget(address)
            try:
                self._post.send(node, ActorFrame(ACTOR_VERSION, int(Act.UNWATCH), path, b""))
            except MeshError:
                return  # without a bus its word does not reach us either

    def gone(self, address: str, reason: str) -> None:
        """The actor is gone: tell those who watch it."""
        distant = self._forget(address)
        if distant is not None:
            for heard in distant.watchers.values():
                heard(reason)

    def nodes(self, alive: Container[str]) -> None:
        """Take in which nodes the registry knows: those that it knew and does not know any more are gone."""
        for address, distant in list(self._all.items()):
            if distant.token and distant.node not in alive:
                self.gone(address, NODE_GONE)

    def __bool__(self) -> bool:
        return bool(self._all)

    def _forget(self, address: str) -> Distant | None:
        distant = self._all.pop(address, None)
        if distant is not None:
            if distant.next is not None:
                distant.next.cancel()
            if distant.task is not None and distant.task is not asyncio.current_task():
                distant.task.cancel()
        return distant

    def _bus_changed(self, state: BusState) -> None:
        if state is BusState.CONNECTED and self._open:
            for address in list(self._all):
                self._look(address)

    def _look(self, address: str) -> None:
        distant = self._all.get(address)
        if distant is None or distant.task is not None:
            return
        if distant.next is not None:
            distant.next.cancel()
        distant.task = self._post.surroundings.loop.create_task(self._ask(address, distant), name=f"watch {address}")

    async def _ask(self, address: str, distant: Distant) -> None:
        wait = LOOK
        try:
            token = await self._post.request(
                distant.node, ActorFrame(ACTOR_VERSION, int(Act.WATCH), distant.path, b""), 1.0
            )
        except UnknownActor:
            self.gone(address, "stopped" if distant.token else NO_ACTOR)
            return
        except NoResponders:
            distant.misses += 1
            wait = AGAIN
            if distant.misses >= PATIENCE:
                self.gone(address, NODE_GONE)
                return
        except MeshError:
            wait = AGAIN  # nobody knows: a silent node is the registry's to judge
        else:
            distant.misses = 0
            if distant.token and token != distant.token:
                self.gone(address, "replaced by another of its name")
                return
            distant.token = token
        distant.task = None
        around = self._post.surroundings
        distant.next = around.deadlines.at(around.clock() + wait, lambda: self._look(address))
