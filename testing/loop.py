"""The event loop of one simulated node: asyncio's interface on virtual time, with a clock of its own.

A node that crashed is a loop that never runs again; one that is paused is a loop whose turns wait.
"""

import asyncio
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

from .failure import SimulationError
from .task import SimFuture, SimTask, called, unwind
from .world import Timer, World

if TYPE_CHECKING:  # checkers would miss the methods of sockets, processes and signals, which no simulated node has
    _Base = asyncio.SelectorEventLoop
else:
    _Base = asyncio.AbstractEventLoop

log = logging.getLogger("plait.testing")

_COLLECTED = ("exception was never retrieved", "Task was destroyed but it is pending!")


class SimLoop(_Base):
    """One of any number of loops that a `World` runs in turns; `failed` is told what a callback raised."""

    def __init__(
        self,
        world: World,
        name: str,
        origin: float = 0.0,
        rate: float = 1.0,
        failed: Callable[["SimLoop", dict[str, Any]], None] | None = None,
    ) -> None:
        """Make a loop whose clock shows `origin` when the run begins, and goes `rate` times as fast as the world's."""
        self.world = world
        self.name = name
        self.numbers = count(1)
        self.paused = False
        self.dead = False
        self.after: Callable[[], None] | None = None
        """Called after each turn: what must always hold is looked at here."""
        self._origin = origin
        self._rate = rate
        self.tasks: dict[SimTask, None] = {}
        """Those that are not done, and those whose failure nobody has seen: held, lest the collector decides."""
        self._failed = failed
        self._factory: Callable[..., Any] | None = None
        self._handler: Callable[..., Any] | None = None
        self._ready: deque[Timer] = deque()
        self._queued = False

    # The world's side

    def turn(self) -> None:
        """Run what is ready, and not what that makes ready."""
        self._queued = False
        if self.paused or self.dead:
            return
        asyncio._set_running_loop(self)
        ready = self._ready
        for _ in range(len(ready)):
            timer = ready.popleft()
            callback = timer.callback
            if callback is None:
                continue
            try:
                timer.context.run(callback, *timer.arguments)  # type: ignore[union-attr]
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self.call_exception_handler({"message": f"a callback raised: {called(callback)}", "exception": error})
            if self.dead:
                return
        if self.after is not None:
            self.after()
        if ready:
            self._wake()

    def due(self, timer: Timer) -> None:
        """Take up a timer whose time has come."""
        if not self.dead:
            timer.arrived()
            self._ready.append(timer)
            if not self._queued:
                self._wake()

    def arrive(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Have something from outside, a message, handled in the next turn, in an empty context."""
        if not self.dead:
            self._ready.append(Timer(callback, arguments, Context(), self))
            if not self._queued:
                self._wake()

    def _wake(self) -> None:
        if not self.paused:
            self._queued = True
            self.world.runnable(self)

    def pause(self) -> None:
        """Take no turn until `resume`; what comes meanwhile waits."""
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self.paused = False
        if self._ready and not self._queued and not self.dead:
            self._wake()

    def kill(self) -> None:
        """End for good. What the tasks would clean up is cleaned up now, and reaches nobody."""
        self.dead = True
        self._ready.clear()
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while self.tasks:  # what is unwound may begin more
                tasks, self.tasks = self.tasks, {}
                for task in tasks:
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    unwind(task)
        finally:
            asyncio._set_running_loop(outer)

    def unseen(self) -> list[SimTask]:
        """Return the tasks that have failed without anybody looking, in the order of their making."""
        return [task for task in self.tasks if task.done()]

    # asyncio's side

    def time(self) -> float:
        """Return this loop's own time in seconds."""
        return self._origin + self.world.now * self._rate

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """See `asyncio`."""
        timer = Timer(callback, args, copy_context() if context is None else context, self)
        if not self.dead:
            self._ready.append(timer)
            if not self._queued:
                self._wake()
        return timer

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """See `asyncio`; only for this very thread: what others do would come at a time of their own."""
        if threading.get_ident() != self.world.thread:
            raise SimulationError("a thread of its own cannot speak to a simulated node: no run would be like another")
        return self.call_soon(callback, *args, context=context)

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """See `asyncio`."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """See `asyncio`; never early, whatever the floats are rounded to."""
        world = self.world
        due = (when - self._origin) / self._rate
        while self._origin + due * self._rate < when:
            due = math.nextafter(due, math.inf)
        timer = Timer(callback, args, copy_context() if context is None else context, self, when, world)
        return timer if self.dead else world.push(due, timer)

    def create_future(self) -> Any:
        """See `asyncio`."""
        return SimFuture(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: Any = None, context: Any = None) -> Any:  # type: ignore[override]
        """See `asyncio`."""
        if self._factory is not None:
            return self._factory(self, coro) if context is None else self._factory(self, coro, context=context)
        # By asyncio's own count, the second run of a process would have other names than the first.
        return self.register(
            SimTask(coro, loop=self, name=name or f"{self.name}-{next(self.numbers)}", context=context)
        )

    def register(self, task: SimTask) -> SimTask:
        """Hold a task until it is done."""
        if not self.dead:
            self.tasks[task] = None
            task.add_done_callback(self._done)
        return task

    def _done(self, task: Any) -> None:
        if not task.cancelled() and task._log_traceback:
            self.call_soon(self._looked, task, 2)  # whoever awaits it looks in one of the next turns
        else:
            self.tasks.pop(task, None)

    def _looked(self, task: Any, turns: int) -> None:
        if not task._log_traceback:
            self.tasks.pop(task, None)
        elif turns:
            self.call_soon(self._looked, task, turns - 1)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run `func` at once: a thread would go its own way, differently every time."""
        future: asyncio.Future[Any] = self.create_future()
        asyncio._set_running_loop(None)  # in a thread there is none
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        finally:
            asyncio._set_running_loop(self)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tell who runs the simulation; what only the garbage collector brings to light is not told at its time."""
        if self.dead or str(context.get("message")).endswith(_COLLECTED):
            return
        if self._handler is not None:
            self._handler(self, context)
        elif self._failed is not None:
            self._failed(self, context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """See `asyncio`."""
        self.call_exception_handler(context)

    def get_exception_handler(self) -> Any:
        """See `asyncio`."""
        return self._handler

    def set_exception_handler(self, handler: Any) -> None:
        """See `asyncio`."""
        self._handler = handler

    def get_task_factory(self) -> Any:
        """See `asyncio`."""
        return self._factory

    def set_task_factory(self, factory: Any) -> None:
        """See `asyncio`."""
        self._factory = factory

    async def shutdown_asyncgens(self) -> None:
        """Nothing: they are closed where they are left."""

    def get_debug(self) -> bool:
        """Never."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Nothing."""

    def is_running(self) -> bool:
        """Return whether it may still run."""
        return not self.dead

    def is_closed(self) -> bool:
        """Return whether it never will again."""
        return self.dead

    def close(self) -> None:
        """End it."""
        self.kill()

    def _outside(self, *args: Any, **more: Any) -> NoReturn:
        raise SimulationError("a simulated node has no sockets, processes and signals: speak to the mesh instead")

    create_connection = create_server = create_unix_connection = create_unix_server = _outside
    create_datagram_endpoint = getaddrinfo = subprocess_exec = subprocess_shell = _outside
    add_reader = add_writer = add_signal_handler = sock_connect = sock_recv = _outside  # type: ignore[assignment]
