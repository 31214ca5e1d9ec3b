"""Health checks as services declare them: methods of their own, paths and URLs, TCP ports, commands."""

import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar, cast, overload
from urllib.parse import urlsplit

import msgspec

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__plait_check__"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """How often a check looks, how long it may take, and how many looks make a change.

    Raises:
        ValueError: a number is out of bounds.
    """

    interval: float = 5.0
    """Seconds between two looks, give or take a tenth."""
    timeout: float = 0.5
    """Seconds that one look may take; what takes longer is ended, and critical."""
    failures: int = 3
    """Critical looks in a row after which an instance that has passed is critical."""
    successes: int = 1
    """Other looks in a row after which one that starts, or is critical, gets calls."""
    delay: float = 0.0
    """Seconds before the first look."""
    name: str = ""
    """What people see in front of its text; empty: what it looks at."""

    looks_at: ClassVar[str]
    """The field that says what it looks at."""

    def __post_init__(self) -> None:
        for field, least in (("interval", 0.01), ("timeout", 0.001), ("delay", 0.0)):
            value = getattr(self, field)
            if not (least <= value < math.inf):
                raise ValueError(f"{field} is {value:g}, and a number of seconds from {least:g} on is meant")
        for field in ("failures", "successes"):
            if not 1 <= getattr(self, field) <= 1000:
                raise ValueError(f"{field} is {getattr(self, field)}, and a number from 1 to 1000 is meant")
        self.examine()

    def examine(self) -> None:
        """Raise ValueError where what it looks at is none."""

    @property
    def title(self) -> str:
        """What people know it by."""
        if self.name:
            return self.name
        target = getattr(self, self.looks_at)
        return target if isinstance(target, str) else " ".join(target)


class MethodCheck(Check, frozen=True):
    """Calls a method of the service; `check` makes it."""

    looks_at = "method"
    method: str


class HttpCheck(Check, frozen=True, forbid_unknown_fields=True):
    """Asks with GET: 2xx passes, 429 is a warning, all else is critical. Redirects are not followed.

    A path, as `/health`, asks the service's own handler, without the network; a URL asks whoever listens there.
    """

    looks_at = "http"
    http: str

    def examine(self) -> None:
        """Take `/path`, `http://…` and `https://…`; a name and password would stand in the registry for all to see."""
        try:
            parts = urlsplit(self.http)
            good = not _odd(self.http) and (
                (
                    parts.username is None
                    and parts.scheme in ("http", "https")
                    and bool(parts.hostname)
                    and parts.port != 0
                )
                or (not parts.scheme and not parts.netloc and self.http.startswith("/"))
            )
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"{self.http!r} is no URL as http://127.0.0.1:9000/health, nor a path as /health")

    @property
    def own(self) -> bool:
        """Whether it asks the service's own handler."""
        return self.http.startswith("/")


class TcpCheck(Check, frozen=True, forbid_unknown_fields=True):
    """Passes where a TCP connection can be opened."""

    looks_at = "tcp"
    tcp: str
    """`host:port`; an IPv6 address stands in brackets."""

    def examine(self) -> None:
        """Take `host:port`."""
        if not self.address[0] or not 0 < self.address[1] < 65536 or _odd(self.tcp):
            raise ValueError(f"{self.tcp!r} is no address as 127.0.0.1:5432")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; an empty host where it is no address."""
        host, _, port = self.tcp.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            host = ""
        return host, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0


class ExecCheck(Check, frozen=True, forbid_unknown_fields=True):
    """Runs a program, without a shell: exit status 0 passes, 1 is a warning, all else is critical.

    What it prints is the text. At its timeout the program is killed, with all that it has started.
    """

    looks_at = "exec"
    exec: tuple[str, ...]
    """The program and its arguments."""

    def examine(self) -> None:
        """Take a program and its arguments."""
        if isinstance(cast("object", self.exec), str):
            raise ValueError("exec is a list, as [pg_isready, -h, db]: no shell takes it apart")
        if not self.exec or not self.exec[0] or any("\0" in one for one in self.exec):
            raise ValueError("exec names a program and its arguments, as [pg_isready, -h, db]")


Outside = HttpCheck | TcpCheck | ExecCheck
"""Checks that anybody can declare for any service: on its class, or where it is started."""


def _odd(text: str) -> bool:
    return not text.isascii() or any(one.isspace() or not one.isprintable() for one in text)


@overload
def check(method: F, /) -> F: ...


@overload
def check(
    *, interval: float = ..., timeout: float = ..., failures: int = ..., successes: int = ..., delay: float = ...
) -> Callable[[F], F]: ...


def check(method: F | None = None, /, **how: Any) -> F | Callable[[F], F]:
    """Have the decorated method look after the health of its instance: `@check`, or `@check(interval=30.0)`.

    It passes where it returns None or True; it fails where it raises or returns False; `Health` says more. It runs as
    a turn of the service, in front of the calls that wait.

    Args:
        method: takes nothing but self; `async def` where it waits for something.
        how: see `Check`.

    Raises:
        ValueError: a number is out of bounds, or the method takes arguments.
    """

    def mark(function: F) -> F:
        if not inspect.isfunction(cast("object", function)) or len(inspect.signature(function).parameters) != 1:
            raise ValueError(f"@check stands on a method that takes nothing but self, not on {function!r}")
        setattr(function, MARK, MethodCheck(function.__name__, **how))
        return function

    return mark if method is None else mark(method)


def checks_of(kind: type, declared: Iterable[Outside]) -> tuple[Check, ...]:
    """Return all checks of a service class: those of its methods, its bases' too, and those that it declares.

    Raises:
        ValueError: one of those declared is none.
    """
    seen: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        seen.update(vars(base))
    found: list[Check] = [
        each for function in seen.values() if isinstance(each := getattr(function, MARK, None), Check)
    ]
    for one in declared:
        if not isinstance(cast("object", one), Outside):
            raise ValueError(f"{kind.__qualname__}: {one!r} is no HttpCheck, TcpCheck or ExecCheck")
        found.append(one)
    return tuple(found)
