"""Starts a task's first step at once: work that never waits costs no turn of the event loop.

Python 3.12 has this in asyncio (`eager_start`). On 3.11 the same is had by taking the task's first step out of the
loop's hands: a new task hands it to `loop.call_soon`, which is stood in for just then. The step itself is asyncio's
own, so that `current_task`, timeouts and task groups work in it as in any other.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

Start = Callable[[Coroutine[Any, Any, None], Context], "asyncio.Task[None]"]
"""Starts a coroutine in a context; the task may be done already. Not for use inside of another task's step."""


def starter(loop: asyncio.AbstractEventLoop, name: str) -> Start:
    """Return what starts tasks called `name` on `loop` eagerly, where Python and the loop allow it."""
    if sys.version_info >= (3, 12):

        def start(work: Coroutine[Any, Any, None], context: Context) -> "asyncio.Task[None]":
            return asyncio.Task(work, loop=loop, name=name, context=context, eager_start=True)

        return start
    taken: list[Callable[[], object]] = []

    def take(callback: Callable[..., object], *arguments: Any, context: Context | None = None) -> object:
        if type(callback).__name__ == "TaskStepMethWrapper":
            taken.append(callback)
            return None
        return type(loop).call_soon(loop, callback, *arguments, context=context)  # a finalizer's, run by chance now

    def start_by_hand(work: Coroutine[Any, Any, None], context: Context) -> "asyncio.Task[None]":
        loop.call_soon = take  # type: ignore[method-assign,assignment]
        try:
            task = asyncio.Task(work, loop=loop, name=name, context=context)
        finally:
            del loop.call_soon  # type: ignore[method-assign]
        if taken:
            context.run(taken.pop())
        return task

    return (
        start_by_hand
        if hasattr(loop, "__dict__")
        else lambda work, context: asyncio.Task(work, loop=loop, name=name, context=context)
    )
