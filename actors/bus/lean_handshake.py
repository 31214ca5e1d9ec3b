"""What comes before the first message: the server's INFO, TLS where it is wanted, and our CONNECT."""

import asyncio
import logging
import ssl
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Protocol

import msgspec

from ..messages.error import BusDenied, Undecodable
from .address import Address
from .lean_parser import LONGEST_LINE
from .login import NO_TLS, Login, distrusted

log = logging.getLogger(__name__)


class ServerInfo(msgspec.Struct, frozen=True):
    """What a server says of itself, as far as it matters here."""

    server_id: str = ""
    client_id: int = 0
    max_payload: Annotated[int, msgspec.Meta(gt=0)] = 1024 * 1024
    tls_required: bool = False
    tls_available: bool = False
    nonce: str = ""
    """What an nkey is to sign."""
    connect_urls: tuple[str, ...] = ()
    """Where the members of the cluster take clients."""
    cluster: str = ""
    """The cluster's name; empty where the server is none of a cluster."""
    ldm: bool = False
    """Whether it is about to end, and cuts its clients off one after the other ("lame duck")."""


_decode = msgspec.json.Decoder(ServerInfo).decode


def read_info(text: bytes) -> ServerInfo:
    """Return what an INFO says.

    Raises:
        Undecodable: it is none.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"an INFO that makes no sense from the bus: {error}") from None


def connect_line(credentials: dict[str, str], name: str, *, tls: bool = False) -> bytes:
    """Return the CONNECT of a connection that is known to the server as `name`."""
    options: dict[str, object] = {
        "verbose": False,
        "pedantic": False,
        "no_responders": True,
        "headers": True,
        "protocol": 1,
        "name": name,
        "lang": "python",
        "version": _version(),
        "tls_required": tls,
    }
    return b"CONNECT " + msgspec.json.encode(options | credentials) + b"\r\n"


@cache
def _version() -> str:
    try:
        return version("plait")
    except PackageNotFoundError:
        return "0"


class Line(Protocol):
    """What a handshake happens on."""

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Go on in TLS with a server that has a certificate for `name`."""
        ...

    def log_in(self, info: ServerInfo, connect: bytes, rest: bytes) -> None:
        """Send `connect`, then read `rest` and what follows as messages: the handshake is over on this side."""
        ...

    def refuse(self, reason: str, *, denied: bool) -> None:
        """End the connection; `denied` where it is over who one of the two sides is."""
        ...


class Handshake:
    """One connection's first half second."""

    def __init__(self, to: Address, name: str, login: Login, line: Line) -> None:
        self._to = to
        self._name = name
        self._login = login
        self._line = line
        self._greeting = b""
        self._securing: asyncio.Task[None] | None = None

    def feed(self, data: bytes) -> None:
        """Read the INFO, which comes first and by itself, however it was cut.

        Raises:
            Undecodable: this is not what a NATS server says.
        """
        self._greeting += data
        line, end, rest = self._greeting.partition(b"\r\n")
        if not line.startswith(b"INFO "[: len(line)]):
            raise Undecodable(f"{line[:32]!r} from the bus, which is no verb of NATS")
        if not end:
            if len(line) > LONGEST_LINE:
                raise Undecodable("a line without an end from the bus")
            return
        info = read_info(line[5:])
        if not (info.tls_required or self._login.wants_tls(self._to)):
            self._log_in(info, rest)
        elif not (info.tls_required or info.tls_available):
            self._line.refuse(NO_TLS, denied=True)
        elif rest:
            raise Undecodable("bytes before TLS from the bus, which anybody may have put there")
        else:
            self._securing = asyncio.get_running_loop().create_task(self._secure(info))

    async def _secure(self, info: ServerInfo) -> None:
        try:
            context = self._login.context()
            self._login.warn(self._to)
            await self._line.secure(context, self._to.certified or self._to.host)
            self._log_in(info, b"", tls=True)
        except BusDenied as error:
            self._line.refuse(str(error), denied=True)
        except (OSError, ValueError) as error:  # no TLS, no server any more, or a name that no certificate has
            distrust = distrusted(error)
            self._line.refuse(str(distrust or f"no TLS: {error}"), denied=distrust is not None)

    def _log_in(self, info: ServerInfo, rest: bytes, *, tls: bool = False) -> None:
        try:
            credentials = self._login.answer(self._to, info.nonce)
        except BusDenied as error:
            self._line.refuse(str(error), denied=True)
        else:
            self._line.log_in(info, connect_line(credentials, self._name, tls=tls), rest)
