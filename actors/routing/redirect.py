"""Answers that send the client elsewhere: where to, found out for each request."""

from ..messages.rule import Redirect, RouteMatch
from .matcher import without_port
from .rewrite import in_place_of, matched_prefix
from .view import RequestView

PORTS = {"http": 80, "https": 443}
"""The port that a scheme means where none is named."""


class Redirection:
    """A redirect, compiled for the match that leads to it."""

    __slots__ = ("_path", "_query", "_redirect", "status")

    def __init__(self, redirect: Redirect, match: RouteMatch) -> None:
        self._redirect = redirect
        self.status = redirect.code
        uri, mark, query = redirect.uri.partition("?")
        self._query = query if mark else None
        self._path = None
        if redirect.uri:
            self._path = in_place_of(None, uri)
        elif redirect.prefix_rewrite is not None:
            self._path = in_place_of(matched_prefix(match), redirect.prefix_rewrite)

    def location(self, view: RequestView) -> str:
        """Return where the client is sent; it keeps its query, unless the rule names one."""
        redirect = self._redirect
        scheme = redirect.scheme or view.scheme
        path = view.path if self._path is None else self._path(view.path)
        query = view.query if self._query is None else self._query
        target = f"{path}?{query}" if query else path
        if not (redirect.authority or view.authority):
            return target  # a client of HTTP/1.0 that named no host: it stays where it is
        return f"{scheme}://{self._authority(view, scheme)}{target}"

    def _authority(self, view: RequestView, scheme: str) -> str:
        """A port is named where the rule asks for it and the scheme does not mean it; else the client's own stays."""
        redirect, own = self._redirect, view.authority
        host = without_port(own)
        own_port = own[len(host) + 1 :]
        port = redirect.port or 0
        if redirect.derive_port == "FROM_REQUEST_PORT":
            port = view.port or (int(own_port) if own_port else PORTS.get(view.scheme, 0))
        if port == PORTS.get(scheme):
            port = 0
        if redirect.authority:
            return f"{redirect.authority}:{port}" if port else redirect.authority
        if port:
            return f"{host}:{port}"
        if own_port and scheme != view.scheme and int(own_port) == PORTS.get(view.scheme):
            return host  # the old scheme's default port is wrong for the new one
        return own
