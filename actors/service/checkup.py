"""A look at a service's health by a turn of its own: one of its methods, or its handler of a path."""

from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from ...tracing.context import new_traceparent
from ..messages.envelope import VERSION, CallFrame
from ..messages.error import MeshError
from ..runtime.cell import Cell
from ..runtime.context import CallContext, current
from ..runtime.mailbox import Mail
from .check import HttpCheck, MethodCheck
from .health import Health

if TYPE_CHECKING:
    from .response import Response
    from .service import Service

CHECK = "CHECK"
"""The method of a checkup's frame; no frame from elsewhere is one, whatever its method says."""

SHOWN = 80
"""Characters of a handler's answer that people see."""


class Checkup(Mail, kw_only=True, eq=False):
    """One look on its way; it is its own message, and taken before calls that wait."""

    control: ClassVar[bool] = True

    check: MethodCheck | HttpCheck
    frame: CallFrame
    begun: Callable[[], object]
    """Told when its turn begins: time spent in the mailbox says nothing about what is looked at."""

    def run(self, service: "Service", handle: "Callable[[Service, Checkup], Any]") -> Any:
        """Return the `Health`, or a coroutine that comes to it; `handle` brings a request to the service's handler."""
        self.deadline = service.clock() + self.check.timeout
        self.begun()
        if isinstance(self.check, HttpCheck):
            path, _, query = self.check.http.partition("?")
            self.frame = _frame("GET", path, query, self.frame.traceparent)
            return _read(handle(service, self), _of_response)
        current.set(CallContext(self.frame, self.deadline, service.hosting.instance.id, self.frame.traceparent))
        try:
            answer = getattr(service, self.check.method)()
        except Exception as error:
            return Health.of_error(error)
        return _read(answer, Health.of_answer)


class OwnLook:
    """Looks by turns of the service itself, one at a time."""

    def __init__(self, cell: Cell, check: MethodCheck | HttpCheck) -> None:
        self._cell = cell
        self._check = check
        self._last: Checkup | None = None

    async def __call__(self) -> Health:
        """Look once.

        It waits for its turn for as long as the check's interval: an instance that is busy with calls is not ill, one
        that takes no turn at all is.
        """
        check, cell, around = self._check, self._cell, self._cell.surroundings
        last = self._last
        if last is not None and last.task is not None and not last.task.done():
            return Health.critical("the look before is not over: it goes on though it was cancelled")
        patience = max(check.interval, check.timeout)
        answer = around.loop.create_future()

        def late(text: str) -> None:
            if not answer.done():
                answer.set_result(Health.critical(text))

        def busy() -> None:
            late(f"it took no turn for {patience:g} s, with {cell.busy} calls in hand")

        def begun() -> None:
            limits.pop().cancel()
            limits.append(
                around.deadlines.at(
                    around.clock() + check.timeout, lambda: late(f"no answer within {check.timeout:g} s")
                )
            )

        until = around.clock() + patience
        frame = _frame(CHECK, "", "", new_traceparent(around.rng, sampled=False))
        checkup = self._last = Checkup(None, answer, until, check=check, frame=frame, begun=begun)
        checkup.message = checkup
        limits = [around.deadlines.at(until, busy)]
        try:
            cell.deliver(checkup)
            return cast("Health", await answer)
        except MeshError as error:
            return Health.of_error(error)
        finally:
            limits.pop().cancel()
            checkup.message = None  # it named itself
            checkup.deadline = 0.0  # where it still waits it is dropped
            if checkup.task is not None:
                checkup.task.cancel()


def _frame(method: str, path: str, query: str, traceparent: str) -> CallFrame:
    return CallFrame(VERSION, 0, 1, method, "", path, query, [], b"", None, traceparent)


def _read(answer: Any, read: Callable[[Any], Health]) -> Any:
    """Read an answer, at once or when it has come."""
    return _later(cast("Awaitable[Any]", answer), read) if type(answer) is CoroutineType else read(answer)


async def _later(work: Awaitable[Any], read: Callable[[Any], Health]) -> Health:
    try:
        return read(await work)
    except Exception as error:
        return Health.of_error(error)


def _of_response(response: "Response") -> Health:
    body = response.body[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
    return Health.of_status(response.status, f"it answers {response.status} {body}".rstrip())
