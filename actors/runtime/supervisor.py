"""A supervisor: starts its children in order, restarts those that fail, gives up when that does not help.

The rules are Erlang/OTP's, with two additions: a restart waits by exponential backoff, and a child's mailbox outlives
its actor. What is decided stands in `strategy`, purely; here it is done.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..messages.error import IntensityExceeded, StartFailed
from .cell import Cell
from .child import Child, Parent
from .intensity import Intensity
from .life import GRACE
from .life_state import Life
from .repair import Repair
from .spec import ChildSpec, Limits, Spec, SupervisorSpec
from .strategy import comes_again, complaint, plan, shuts_down

if TYPE_CHECKING:
    from .surroundings import Surroundings

log = logging.getLogger("plait.supervisor")

REMEMBERED = 20
"""Events that a supervisor remembers for those who look at it."""


class Supervisor:
    """Runs children by their specs: actors, and supervisors of further ones."""

    def __init__(
        self,
        name: str,
        surroundings: "Surroundings",
        limits: Limits = Limits(),  # noqa: B008 - frozen
        failed: Callable[[Exception | None], None] | None = None,
        *,
        spec: SupervisorSpec | None = None,
        parent: Parent | None = None,
    ) -> None:
        """Make the first supervisor of a node; `failed` hears why it ended by itself. Others are made from a `spec`."""
        self.spec = spec or SupervisorSpec(name, limits=limits)
        self.name = name
        self.surroundings = surroundings
        self.life = Life.NEW
        self.restarts = 0
        self.trouble = ""
        self.since = 0.0
        self.events: deque[tuple[float, str]] = deque(maxlen=REMEMBERED)
        """What happened lately: loop time and a sentence."""
        self._failed = failed
        self._parent = parent
        self._children: dict[str, Child] = {}
        self._intensity = Intensity(self.spec.limits)
        self._repair = Repair(self)
        self._ending: asyncio.Task[None] | None = None
        if parent is None and surroundings.root is None:
            surroundings.root = self

    @property
    def path(self) -> str:
        """Where it stands in its node; empty for the first one."""
        if self._parent is None:
            return ""
        above = self._parent.path
        return f"{above}/{self.name}" if above else self.name

    @property
    def children(self) -> tuple[Child, ...]:
        """The children in the order of their start."""
        return tuple(self._children.values())

    def child(self, name: str) -> Child | None:
        """Return the child of this name."""
        return self._children.get(name)

    def cells(self) -> "Iterable[Cell]":
        """Every actor at and below this supervisor."""
        for child in self._children.values():
            if isinstance(child, Cell):
                yield child
            elif isinstance(child, Supervisor):
                yield from child.cells()

    def find(self, path: str) -> Cell | None:
        """Return the actor at `path` below this supervisor."""
        name, slash, rest = path.partition("/")
        child = self._children.get(name)
        if slash:
            return child.find(rest) if isinstance(child, Supervisor) else None
        return child if isinstance(child, Cell) else None

    def running(self) -> bool:
        """True while every actor is in a life."""
        return all(cell.life is Life.RUNNING for cell in self.cells())

    # Starting

    async def start(self, specs: Iterable[Spec] = (), *, trouble: Exception | None = None) -> None:
        """Start children one after the other; a failed start undoes those before it.

        Raises:
            StartFailed: naming the child and its reason.
        """
        self.life = Life.STARTING
        self._intensity = Intensity(self.spec.limits)
        for spec in (*self.spec.children, *specs):
            try:
                await self.start_child(spec)
            except BaseException:
                await self._stop_children()
                self.life = Life.FAILED if self._parent is not None else Life.NEW
                raise
        self.life = Life.RUNNING
        self.since = self.surroundings.clock()

    async def start_child(self, spec: Spec) -> "Cell":
        """Start one more child, an actor, and return its cell; a supervisor where the spec is one (`start_supervisor`).

        Raises:
            StartFailed: it could not start, its name is taken, or its spec is wrong.
        """
        child = self._add(spec)
        try:
            await child.start()
        except BaseException as error:
            del self._children[spec.name]
            if isinstance(error, Exception):
                raise StartFailed(f"{spec.name} could not start: {error}") from error
            raise
        return child  # type: ignore[return-value]

    def spawn(self, spec: ChildSpec, name: str = "") -> Cell:
        """Start an actor at once, without a wait: one that defines no `pre_start`; `name` takes the spec's place.

        Raises:
            StartFailed: it could not start, or its name is taken.
        """
        name = name or spec.name
        if name in self._children or "/" in name or spec.significant:
            self._check(spec, name)
        cell = Cell(spec, self.surroundings, self, name)
        try:
            cell.spawn()
        except Exception as error:
            raise StartFailed(f"{name} could not start: {error}") from error
        self._children[name] = cell
        return cell

    def _add(self, spec: Spec) -> Child:
        self._check(spec, spec.name)
        if isinstance(spec, SupervisorSpec):
            child: Child = Supervisor(spec.name, self.surroundings, spec=spec, parent=self)
        else:
            child = Cell(spec, self.surroundings, self)
        self._children[spec.name] = child
        return child

    def _check(self, spec: Spec, name: str) -> None:
        where = self.path or self.name
        if name in self._children:
            raise StartFailed(f"{where} already has a child {name!r}")
        if wrong := complaint(spec, self.spec.auto_shutdown, name):
            raise StartFailed(f"{where} cannot run this child: {wrong}")

    # Stopping

    async def stop_child(self, name: str) -> None:
        """Stop one child and forget it; nothing happens when there is none of that name."""
        child = self._children.pop(name, None)
        await self._repair.leave(name, child)
        if child is not None:
            await child.stop()

    async def replace_child(self, spec: ChildSpec) -> Cell:
        """Have the actor of this name live on by another spec: the work in hand ends, the mailbox is kept.

        Raises:
            StartFailed: there is none, or it could not start by the new spec; it runs by the old one again.
        """
        cell = self._children.get(spec.name)
        if not isinstance(cell, Cell):
            raise StartFailed(f"{self.path or self.name} has no actor {spec.name!r} to be replaced")
        await self._repair.leave(spec.name, cell)
        old = cell.spec
        await cell.suspend()
        try:
            cell.adopt(spec)
            await cell.start()
        except Exception as error:
            cell.adopt(old)
            await cell.start()
            raise StartFailed(f"{spec.name} could not start anew, it goes on as before: {error}") from error
        return cell

    async def stop(self) -> None:
        """Stop all children, last started first, each within its shutdown time."""
        if self.life is Life.STOPPED:
            return
        self.life = Life.STOPPING
        limit = self.spec.shutdown
        if self._ending is not None and self._ending is not asyncio.current_task():
            await asyncio.wait([self._ending])  # it may still be stopping the child that it took out before us
        try:
            async with asyncio.timeout(None if limit == float("inf") else limit + GRACE):
                await self._stop_children()
        except TimeoutError:
            log.error("%s did not stop within %g s: what is left of it is cut off", self.path or self.name, limit)
        self.life = Life.STOPPED

    async def bury(self) -> None:
        """Nothing of an ended life is left: what ended it has stopped the children already."""
        if self._ending is not None and self._ending is not asyncio.current_task():
            await asyncio.wait([self._ending])

    @property
    def alive(self) -> bool:
        """True while it has children to be stopped."""
        return bool(self._children)

    async def suspend(self) -> None:
        """A sibling has failed: stop all children; a start makes them anew."""
        await self.stop()

    async def _stop_children(self) -> None:
        for name in reversed(list(self._children)):
            await self.stop_child(name)

    # Failures

    def child_ended(self, child: Child, reason: Exception | None) -> None:
        """A child's life is over: restart it, forget it, or end with it."""
        if self.life not in (Life.RUNNING, Life.STARTING, Life.NEW) or self._children.get(child.name) is not child:
            return
        name, spec = child.name, child.spec
        if reason is not None:
            where = f"{self.path or self.name}/{name}"
            log.error("%s failed: %s: %s", where, type(reason).__name__, reason, exc_info=reason)
            self._intensity.blame(f"{name}: {type(reason).__name__}: {reason}")
        self.note(f"{name} ended: {'in peace' if reason is None else f'{type(reason).__name__}: {reason}'}")
        if not comes_again(spec.restart, reason is not None):
            left = [one.spec for one in self._children.values() if one is not child]
            if shuts_down(self.spec.auto_shutdown, spec, left):
                self.end(None)
            else:
                self._repair.forget(child)
        else:
            self._repair.begin(child, reason)

    def too_many(self, child: Child) -> bool:
        """Count a restart of `child`; where it is one too many, give up."""
        if self._intensity.exceeded(self.surroundings.clock()):
            self.end(IntensityExceeded(f"{self.path or self.name} gave up: {self._intensity}"))
            return True
        if self.surroundings.probe is not None:
            self.surroundings.probe.restarted(self, child.name)
        return False

    def blame(self, child: Child, error: Exception) -> None:
        """A child could not start again."""
        where = f"{self.path or self.name}/{child.name}"
        log.error("%s could not restart: %s", where, error, exc_info=error)
        self._intensity.blame(f"{child.name}: could not restart: {error}")
        self.note(f"{child.name} could not restart: {error}")

    def note(self, event: str) -> None:
        """Remember what happened, for those who look."""
        self.events.append((self.surroundings.clock(), event))

    def forget(self, child: Child) -> None:
        """Take a child out that will not come again."""
        if self._children.get(child.name) is child:
            del self._children[child.name]

    def plan(self, failed: str) -> tuple[list[Child], list[Child], list[Child]]:
        """Return whom a restart of `failed` ends, which of these it forgets, and whom it starts then."""
        found = plan(self.spec.strategy, [child.spec for child in self._children.values()], failed)
        return tuple([self._children[name] for name in names] for names in found)  # type: ignore[return-value]

    def end(self, error: Exception | None) -> None:
        """End by itself: stop all children, then fail upward with `error`, or in peace."""
        if error is not None:
            log.critical("%s", error)
            self.trouble = str(error)
            if self.surroundings.probe is not None:
                self.surroundings.probe.gave_up(self)
        self.life = Life.FAILED
        self._ending = self.surroundings.loop.create_task(self._end(error), name=f"{self.name} ends")

    async def _end(self, error: Exception | None) -> None:
        await self._stop_children()
        if self._parent is not None:
            self._parent.child_ended(self, error)
        elif self._failed is not None:
            self._failed(error)
