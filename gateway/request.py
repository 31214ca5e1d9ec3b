"""A request from outside, as an application sees it."""

from ..actors.messages.envelope import Headers


class HttpRequest:
    """A request that passed every check of the edge; its head is normal, its body complete."""

    __slots__ = ("authority", "body", "headers", "local_port", "method", "path", "peer", "query", "scheme")

    def __init__(
        self,
        method: str,
        scheme: str,
        authority: str,
        path: str,
        query: str,
        headers: Headers,
        body: bytes,
        peer: str,
        local_port: int,
    ) -> None:
        self.method = method
        self.scheme = scheme
        self.authority = authority
        """`host[:port]` in lower case, from the absolute target or the Host field; empty: an HTTP/1.0 client."""
        self.path = path
        """The normal form (`path.normalise`); `*` for the server-wide OPTIONS."""
        self.query = query
        self.headers = headers
        """Lower-case names, in order; without Host, Expect and the fields between neighbours."""
        self.body = body
        self.peer = peer
        """The client's IP address."""
        self.local_port = local_port

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.authority}{self.path})"
