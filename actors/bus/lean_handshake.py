"""What is said before the first message: the server's INFO, read, and our CONNECT."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import msgspec

from ..messages.error import Undecodable
from .address import Address


class ServerInfo(msgspec.Struct, frozen=True):
    """What a server says of itself, as far as it matters here."""

    server_id: str = ""
    client_id: int = 0
    max_payload: Annotated[int, msgspec.Meta(gt=0)] = 1024 * 1024
    tls_required: bool = False


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


def connect_line(to: Address, name: str) -> bytes:
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
        "tls_required": False,
    }
    options.update(to.credentials())
    return b"CONNECT " + msgspec.json.encode(options) + b"\r\n"


@cache
def _version() -> str:
    try:
        return version("plait")
    except PackageNotFoundError:
        return "0"
