"""Where NATS servers are, read from URLs; and the numbers that all buses share."""

import errno
import os
import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..messages.error import BusUnavailable, TooLarge

MAX_LINE = 4096
"""Bytes of a control line (verb, subjects, sizes) that a server takes by default; a longer one ends the connection."""
QUEUE_LIMIT = 8 * 1024 * 1024
"""Bytes that may wait for a server that reads too slowly."""
TICK = 0.05
"""Seconds between two looks at the clock."""
GAP = 0.1
"""A loop that was silent for longer, in seconds, was stalled: what it reads next may have waited."""
SILENCE = 0.25
"""A PING unanswered for longer, in seconds: what is read before a later one's PONG may have waited on its way."""
NO_RESPONDERS = b"NATS/1.0 503"
"""How a server's header block begins when nobody listens on a request's subject."""

# It does not repeat what was written: that may be half of a password.
_NO_URL = (
    "this is no URL of a NATS server, as nats://HOST:PORT or nats://USER:PASSWORD@HOST:PORT; in a password or a token "
    "/ ? # [ ] @ and commas are written as %2F %3F %23 %5B %5D %40 %2C"
)


class Address(NamedTuple):
    """One server, and the credentials that its URL names."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    token: str = ""
    tls: bool = False
    """Whether the URL asks for TLS (`tls://`); with `nats://` the server and the login decide."""
    certified: str = ""
    """The name that its certificate is to have, where that is not the host: a cluster tells of its servers by IP."""

    def __str__(self) -> str:
        """The URL without its secrets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'nats'}://{host}:{self.port}"

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


def address(url: str) -> Address:
    """Return what `nats://host:port`, `nats://user:password@host:port` or `nats://token@host:port` says; `tls://` too.

    Raises:
        BusUnavailable: it is no such URL.
    """
    full = url if "://" in url else f"nats://{url}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname, parts.port or 4222
    except ValueError:
        raise BusUnavailable(_NO_URL) from None
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BusUnavailable(_NO_URL)
    if parts.scheme not in ("nats", "tls") or not host:
        raise BusUnavailable(
            f"a NATS server's URL begins with nats:// or tls:// and names a host, this one is {parts.scheme}://…"
        )
    user, password, tls = unquote(parts.username or ""), unquote(parts.password or ""), parts.scheme == "tls"
    if user and parts.password is None:
        return Address(host, port, token=user, tls=tls)
    return Address(host, port, user, password, tls=tls)


def addresses(urls: str) -> tuple[Address, ...]:
    """Return the servers of one cluster, their URLs joined by commas.

    The credentials of the first URL that has any hold for those that have none: it is one cluster.

    Raises:
        BusUnavailable: one of them is no such URL, or there is none.
    """
    found = [address(url.strip()) for url in urls.split(",") if url.strip()]
    if not found:
        raise BusUnavailable("the bus has no URL: it is nats://HOST:PORT, several joined by commas")
    known = next((one for one in found if one.user or one.token), found[0])
    return tuple(
        dict.fromkeys(
            one if one.user or one.token else one._replace(user=known.user, password=known.password, token=known.token)
            for one in found
        )
    )


def shown(servers: Iterable[Address]) -> str:
    """Return the servers' URLs for people, without secrets."""
    return ",".join(str(one) for one in servers)


def unreachable(to: Address | str, error: BaseException) -> BusUnavailable:
    """Return the error for a server that `error` keeps us from; event loops word the same refusal differently."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return BusUnavailable(f"no NATS at {to}: {os.strerror(error.errno)}")
    return BusUnavailable(f"no NATS at {to}: {error or type(error).__name__}")


def unbindable(error: Exception) -> str:
    """Return why an address of one's own cannot be bound, and what to do."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        reason, advice = (
            "the address is in use",
            "stop the program that holds it, or take another port (0: a free one)",
        )
    elif number == errno.EACCES:
        reason, advice = "it is not permitted", "take a port above 1023, or grant the right to bind this one"
    elif number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        reason, advice = "this machine has no such address", "name an address of this machine, such as 127.0.0.1"
    else:
        reason, advice = str(error), "name another host and port"
    return f"{reason}; {advice}"


def check_size(subject: bytes, reply: bytes, headers: int, size: int, max_payload: int) -> None:
    """Check what a server would end the whole connection for; `headers` and `size` are lengths in bytes.

    Raises:
        TooLarge: payload and headers are over `max_payload`, or the control line is over `MAX_LINE`.
    """
    if headers + size > max_payload:
        raise TooLarge(f"a message of {headers + size} bytes, the bus allows {max_payload}")
    if len(subject) + len(reply) > MAX_LINE - 32:  # 32: the verb, the spaces and two sizes
        raise TooLarge(f"subjects of {len(subject) + len(reply)} bytes, the bus allows {MAX_LINE - 32}")
