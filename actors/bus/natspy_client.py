"""nats-py's client with the mesh's login: one way to prove who we are for all buses, and no way around TLS.

With `natspy` this is where its insides are touched; its types are partly unknown to strict checkers.
"""

import ssl
from collections.abc import Sequence
from typing import Any

from nats import errors
from nats.aio.client import Client

from ..messages.error import BusDenied, BusUnavailable
from .address import Address
from .lean_handshake import connect_line
from .login import NO_TLS, REFUSALS, Login, distrusted


class LoginError(errors.Error):
    """A `BusDenied` that nats-py takes for one of its own, so that it goes on as after those."""


class LoginClient(Client):
    """Logs in to the servers of one cluster."""

    def __init__(self, servers: Sequence[Address], login: Login) -> None:
        super().__init__()
        self._servers = {one.place: one for one in servers}
        self._first = servers[0]
        self._login = login
        self._inside: Any = self

    @property
    def server(self) -> Address:
        """The server that is connected, or just tried; one that the cluster told of is logged in to as the first is."""
        current = self._inside._current_server
        if current is None:
            return self._first
        place = current.uri.hostname or "", current.uri.port or 4222
        return self._servers.get(place) or self._first._replace(host=place[0], port=place[1])

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """What a TLS handshake needs."""
        try:
            self._login.warn(self.server)
            return self._login.context()
        except BusDenied as error:
            raise LoginError(str(error)) from None

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and not info.get("tls_required") and self._login.wants_tls(self.server):
            if not info.get("tls_available"):
                raise LoginError(NO_TLS)
            info["tls_required"] = True  # nats-py would go on without TLS where the server allows both
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        info, options = self._inside._server_info, self._inside.options
        try:
            credentials = self._login.answer(self.server, str(info.get("nonce", "")))
        except BusDenied as error:
            raise LoginError(str(error)) from None
        return connect_line(credentials, str(options["name"]), tls=bool(info.get("tls_required")))

    async def _process_err(self, err_msg: str) -> None:
        text = err_msg.strip("'")
        if "permissions violation" in text.lower():
            await super()._process_err(err_msg)
            return
        # nats-py would close for ever; a login that has expired, or a server that is full, may be well in a second.
        error = errors.Error(f"nats: {text}")
        await self._inside._error_cb(error)
        await self._inside._process_op_err(error)


def refusal(to: Address, error: BaseException) -> BusUnavailable | None:
    """Return what to tell of an error that no second try makes good; None for any other."""
    distrust = distrusted(error)
    text = str(error)
    if distrust is not None or isinstance(error, LoginError):
        return BusDenied(f"the bus at {to} refused: {distrust or text}")
    if any(one in text.lower() for one in REFUSALS):
        return BusDenied(f"the bus at {to} refused: the server says: {text.removeprefix('nats: ')}")
    return None
