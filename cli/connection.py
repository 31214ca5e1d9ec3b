"""A verb's short visit to the bus: find it, connect within two seconds, ask, leave."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from ..actors.bus import lean
from ..actors.bus.bus import Bus
from ..actors.messages.error import Code, DeadlineExceeded, Disconnected, MeshError, NoResponders
from ..actors.messages.subject import Subjects
from ..mesh.address import Target
from .exit import CommandError, Exit

CONNECT = 2.0
"""Seconds for a connection; with the interpreter's start, a verb without a bus ends within three."""

T = TypeVar("T")


class Visit:
    """One connection, for as many questions as a verb has."""

    def __init__(self, bus: Bus, target: Target, limit: float) -> None:
        self.bus = bus
        self.target = target
        self.limit = limit
        self._subjects = Subjects(target.mesh)
        self._asked = 0
        bus.inbox(self._inbox() + b".*")

    async def ask(
        self, subject: str, question: dict[str, Any] | bytes, *, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Ask on a subject of the public API (`policy.get`), and return the answer.

        Raises:
            CommandError: nobody listens, there is no answer in time, or the answer is no JSON object.
        """
        payload = question if isinstance(question, bytes) else json.dumps(question).encode()
        try:
            answer = await self._request(self._subject(subject), payload, _block(headers or {}))
        except NoResponders:
            who = _WHO.get(subject.partition(".")[0], "nobody")
            raise CommandError(
                Exit.UNREACHABLE,
                f"the mesh {self.target.mesh!r} has no {who} on this bus ({self.target.shown})",
                why=f"nobody listens on {self._subject(subject).decode()}",
                hint="start one with `plait up` or `plait node`, or name the mesh with --mesh",
            ) from None
        except DeadlineExceeded:
            raise CommandError(
                Exit.TIMED_OUT,
                f"no answer on {self._subject(subject).decode()} within {self.limit:g} s",
                hint="allow more time with --timeout, or look with `plait check`",
            ) from None
        except Disconnected as error:
            raise CommandError(Exit.UNREACHABLE, f"the bus was lost while waiting: {error}") from None
        return _read(answer, subject)

    async def ask_bus(self, subject: bytes) -> dict[str, Any]:
        """Ask the bus itself, on a subject outside the mesh's own, and return the answer.

        Raises:
            MeshError: nobody listens, or there is no answer in time.
            CommandError: the answer is no JSON object.
        """
        return _read(await self._request(subject, b"", b""), subject.decode())

    async def _request(self, subject: bytes, payload: bytes, headers: bytes) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def done(result: bytes | MeshError) -> None:
            if answer.done():
                return
            if isinstance(result, MeshError):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        self._asked += 1
        reply = b"%b.%d" % (self._inbox(), self._asked)
        self.bus.request(subject, payload, reply, done, headers)
        try:
            async with asyncio.timeout(self.limit):
                return await answer
        except TimeoutError:
            raise DeadlineExceeded from None
        finally:
            self.bus.forget(reply)

    def _inbox(self) -> bytes:
        return b"_INBOX." + self.bus.token.encode()

    def _subject(self, subject: str) -> bytes:
        return self._subjects.user(*subject.split("."))


def visit(target: Target, errand: Callable[[Visit], Awaitable[T]], *, limit: float) -> T:
    """Connect, run `errand`, leave; each question has `limit` seconds.

    Raises:
        BusDenied: the bus refuses the login.
        BusUnavailable: no NATS at the target within two seconds.
        CommandError: as `Visit.ask`.
    """

    async def run() -> T:
        bus = await lean.connect(target.url, name="plait-cli", login=target.login, connect_timeout=CONNECT)
        try:
            return await errand(Visit(bus, target, limit))
        finally:
            await bus.close()

    return asyncio.run(run())


def ask(
    target: Target,
    subject: str,
    question: dict[str, Any] | bytes,
    *,
    limit: float,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Ask one question, see `visit` and `Visit.ask`."""
    return visit(target, lambda there: there.ask(subject, question, headers=headers), limit=limit)


def items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the `items` of an answer; what is no object among them is left out."""
    found = answer.get("items")
    if not isinstance(found, list):
        return []
    return [cast("dict[str, Any]", one) for one in cast("list[object]", found) if isinstance(one, dict)]


def check(answer: dict[str, Any]) -> dict[str, Any]:
    """Return `answer` unless it is one of an error.

    Raises:
        CommandError: it is `{"error": {…}}` or `{"errors": [{"code", "message", …}]}`; the first error is told.
    """
    error = answer.get("error")
    errors = answer.get("errors")
    if isinstance(errors, list) and errors and not isinstance(error, dict):
        error = cast("list[object]", errors)[0]  # it says more than the sentence beside it
    if isinstance(error, dict):
        told = {key: str(value or "") for key, value in cast("dict[str, object]", error).items()}
        code = _BY_CODE.get(told.get("code", ""), Exit.REFUSED)
        raise CommandError(code, told.get("message") or "the request was refused", hint=told.get("hint", ""))
    if error:
        raise CommandError(Exit.REFUSED, str(error))
    return answer


_BY_CODE = {
    Code.NOT_FOUND.value: Exit.NOT_FOUND,
    Code.PERMISSION_DENIED.value: Exit.DENIED,
    Code.UNAVAILABLE.value: Exit.UNREACHABLE,
    Code.DEADLINE_EXCEEDED.value: Exit.TIMED_OUT,
    Code.INTERNAL.value: Exit.INTERNAL,
}
_WHO = {"policy": "policy engine", "registry": "registry", "trace": "trace store"}


def _read(answer: bytes, subject: str) -> dict[str, Any]:
    try:
        read: object = json.loads(answer)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise CommandError(Exit.INTERNAL, f"the answer on {subject} is no JSON object: {answer[:80]!r}")
    return cast("dict[str, Any]", read)


def _block(headers: dict[str, str]) -> bytes:
    if not headers:
        return b""
    return ("NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
