"""Connections to services outside the mesh: plain or TLS, the certificate always verified."""

import ssl
from collections.abc import Iterable
from typing import Any, cast

import httpcore

from ..actors.messages.external import ClientTls

_ALTERNATIVES = ("DNS", "URI", "IP Address")


def tls_context(tls: ClientTls) -> ssl.SSLContext:
    """Return what verifies the service and shows our certificate, from the files that are there now.

    Raises:
        OSError, ssl.SSLError: a file is not there, or holds no certificate or key.
    """
    context = ssl.create_default_context(cafile=tls.authorities or None)
    if tls.names:
        context.check_hostname = False  # one of those names takes its place: see `Dial`
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dial(httpcore.AsyncNetworkBackend):
    """Connects; a certificate must have one of `names`, where there are any."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = names
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection.

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: there is none to be had.
        """
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Named(stream, self._names) if self._names else stream

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class _Named(httpcore.AsyncNetworkStream):
    """A connection that looks at the names of the certificate when it becomes a secure one."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, names: tuple[str, ...]) -> None:
        self._inner = inner
        self._names = names

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        certificate: dict[str, Any] = stream.get_extra_info("ssl_object").getpeercert() or {}
        shown = [value for kind, value in certificate.get("subjectAltName", ()) if kind in _ALTERNATIVES]
        if not set(shown) & set(self._names):
            await stream.aclose()
            raise httpcore.ConnectError(f"the certificate is for {', '.join(shown)}, not for {', '.join(self._names)}")
        return stream
