"""What a call is answered with where its destination fails: the fallbacks of a Resilience rule, in their order."""

import msgspec


class Elsewhere(msgspec.Struct, frozen=True, array_like=True, tag="elsewhere"):
    """Another subset or service is asked."""

    service: str
    subset: str = ""
    port: int | None = None
    timeout: float | None = None
    """Seconds that it may take; None for what is left of the call's time."""


class LastGood(msgspec.Struct, frozen=True, array_like=True, tag="last-good"):
    """The last good answer to the same request is given again, where this node has one."""

    max_age: float = 600.0
    """Seconds after which an answer is too old to be given."""
    entries: int = 1000
    """Answers that a node keeps of the destination."""
    size: int = 4 * 1024 * 1024
    """Bytes of bodies and headers that they may take together."""
    vary: tuple[str, ...] = ("end-user",)
    """Names, in baggage or headers, whose values tell requests apart besides method, authority, path and query."""


class Fixed(msgspec.Struct, frozen=True, array_like=True, tag="fixed"):
    """An answer that the rule holds."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    empty: bool = False
    """It stands for nothing at all: told apart in metrics and headers."""


class Fallback(msgspec.Struct, frozen=True, array_like=True):
    """One thing to fall back to, and for which calls."""

    to: Elsewhere | LastGood | Fixed
    on: tuple[str, ...] = ("5xx",)
    """Conditions of `routing.fall_on`, any of them."""
    methods: tuple[str, ...] = ("GET", "HEAD")
    routes: tuple[str, ...] = ()
    """Names of routes whose calls it is for; empty means all calls of the destination."""
