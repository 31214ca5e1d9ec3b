"""Runs a coroutine without a task: a call's way through the filters costs no scheduling before it waits.

Only for plait's own coroutines that wait for plain futures: there is no current task inside.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Drive(Generic[T]):
    """Steps one coroutine; `done(result, error)` is called once, perhaps before the constructor returns."""

    __slots__ = ("_coroutine", "_done", "_over")

    def __init__(self, coroutine: Coroutine[Any, Any, T], done: Callable[[T | None, Exception | None], None]) -> None:
        self._coroutine = coroutine
        self._done = done
        self._over = False
        self._step(None)

    def _step(self, ended: "asyncio.Future[Any] | None") -> None:
        del ended  # its error would know this frame, and the frame it: only the garbage collector would part them
        if self._over:
            return
        try:
            future = self._coroutine.send(None)
        except StopIteration as stop:
            self._over = True
            self._done(stop.value, None)
        except Exception as error:
            self._over = True
            self._done(None, error)
        else:
            future._asyncio_future_blocking = False  # as a task says it: the future has been taken notice of
            future.add_done_callback(self._step)

    def cancel(self) -> None:
        """Stop where it waits; its `finally` clauses run now, `done` is not called."""
        if not self._over:
            self._over = True
            self._coroutine.close()
