"""Tasks and futures of simulated loops: their hash is the same in every run, and so is the order of sets of them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger("plait.testing")


def called(callback: Callable[..., object]) -> str:
    """Return what a callback is called, with its module; without an address, which differs from run to run."""
    plain: Any = callback
    while hasattr(plain, "func"):  # functools.partial
        plain = plain.func
    module = getattr(plain, "__module__", None) or type(plain).__module__
    return f"{module}.{getattr(plain, '__qualname__', type(plain).__name__)}"


class SimFuture(asyncio.Future[Any]):
    """A future whose hash is the same in every run, and so the order of sets that hold it."""

    __slots__ = ("_number",)
    _number: int

    def __hash__(self) -> int:
        try:
            return self._number
        except AttributeError:
            self._number = next(self.get_loop().numbers)  # type: ignore[attr-defined]
            return self._number


class SimTask(asyncio.Task[Any]):
    """A task whose hash is the same in every run: task groups cancel in the order of a set."""

    __slots__ = ("_number",)
    _number: int

    def __new__(cls, coro: Any, *, loop: Any, name: Any = None, context: Any = None) -> "SimTask":  # pyright: ignore[reportInconsistentConstructor]
        task: SimTask = super().__new__(cls)
        task._number = next(loop.numbers)  # asyncio hashes it before it is made in full
        return task

    def __hash__(self) -> int:
        return self._number


def unwind(task: "asyncio.Task[Any]") -> None:
    """Unwind what a task runs; what waits again while it is unwound is unwound again."""
    for _ in range(100):
        try:
            task.get_coro().close()
        except RuntimeError as error:
            if "ignored GeneratorExit" in str(error):
                continue
            log.debug("%s was cut off: %r", task.get_name(), error)
        except BaseException as error:
            log.debug("%s was cut off: %r", task.get_name(), error)
        return
