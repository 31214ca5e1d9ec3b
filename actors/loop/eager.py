"""Steps a coroutine at once: work that never waits costs neither a task nor a turn of the event loop.

The first step runs in the name of a parked task, so that `current_task`, timeouts and task groups work in it as in any
other. Only a coroutine that waits takes the parked task over, which then drives it to its end. (Python 3.12's
`eager_start` saves the turn of the loop, but a task is still made and registered for each call, which is the dearer
part.)
"""

import asyncio
import types

# Documented for those who extend asyncio ("Task lifetime support").
from asyncio.tasks import _enter_task, _leave_task, current_task  # pyright: ignore[reportPrivateUsage]
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

Work = Coroutine[Any, Any, Any]


class Eager:
    """Starts coroutines on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.value: Any = None
        """What the last coroutine came to that was over at once; read it right after `run`."""
        self._loop = loop
        self._spare: _Parked | None = None
        self._nowhere = Context()
        """Parked tasks of this loop run in it one after the other; what they drive runs in contexts of its own."""

    def run(self, work: Work, context: Context) -> "asyncio.Task[Any] | None":
        """Step `work` in `context`; return None when it is over (see `value`), else the task that goes on with it.

        Where a task is running its step already, it is put aside meanwhile: two cannot be current.

        Raises:
            BaseException: what the first step raised.
        """
        loop = self._loop
        parked = self._spare or _Parked(loop, self._nowhere)
        self._spare = None  # taken: what the first step starts in its turn needs one of its own
        task = parked.task
        outer = current_task(loop)
        if outer is not None:
            _leave_task(loop, outer)
        _enter_task(loop, task)
        try:
            future = context.run(work.send, None)
        except StopIteration as stop:
            self.value = stop.value
            self._spare = parked
            return None
        except BaseException:
            self._spare = parked
            raise
        finally:
            _leave_task(loop, task)
            if outer is not None:
                _enter_task(loop, outer)
        parked.take(work, context, future)
        return task


class _Parked:
    """A task that waits for a coroutine to drive."""

    def __init__(self, loop: asyncio.AbstractEventLoop, nowhere: Context) -> None:
        self._given: asyncio.Future[None] = loop.create_future()
        self._work: Work | None = None
        self._context = nowhere
        self._future: Any = None
        drive = self._drive()
        drive.send(None)  # begun: a task that is cancelled before its first step never runs what has not begun
        self.task: asyncio.Task[Any] = loop.create_task(drive, context=nowhere)

    def take(self, work: Work, context: Context, future: Any) -> None:
        """Drive `work` on; its first step ended in waiting for `future`."""
        self._work, self._context, self._future = work, context, future
        if not self._given.done():
            self._given.set_result(None)

    async def _drive(self) -> Any:
        error: BaseException | None = None
        try:
            await _begun()
            await self._given
        except asyncio.CancelledError as cancelled:
            if self._work is None:  # the loop is being shut down, nobody has come
                raise
            # As a task does it: what is waited for is cancelled, and only where that does not help, the work itself.
            if self._future is None or not self._future.cancel():
                error = cancelled
        assert self._work is not None
        steps = _steps(self._work, self._context, self._future, error)
        del self, error  # a cancelled task keeps its error, which knows this frame: only the collector would part them
        return await steps


@types.coroutine
def _begun() -> Generator[None, None, None]:
    """Wait for the task's first step."""
    yield


@types.coroutine
def _steps(work: Work, context: Context, future: Any, error: BaseException | None) -> Generator[Any, Any, Any]:
    """Step `work` to its end, each step in its own context."""
    while True:
        if error is None:
            try:
                yield future
            except BaseException as raised:  # a cancellation, or what the awaited future says of itself
                error = raised
        try:
            if error is None:
                future = context.run(work.send, None)
            else:
                try:
                    future = context.run(work.throw, error)
                finally:
                    error = None  # it may come back with this frame in its traceback
        except StopIteration as stop:
            return stop.value
        except SystemExit as left:  # a task would end the whole process with it
            raise RuntimeError(f"the work raised SystemExit({left.code})") from left
