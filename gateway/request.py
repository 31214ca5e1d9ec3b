"""A request from outside, as an application sees it."""

import msgspec

from ..actors.messages.envelope import Headers


class HttpRequest(msgspec.Struct):
    """A request that passed every check of the edge; its head is normal, its body complete."""

    method: str
    scheme: str
    authority: str
    """`host[:port]` in lower case, from the absolute target or the Host field; empty: an HTTP/1.0 client."""
    path: str
    """The normal form (`path.normalise`); `*` for the server-wide OPTIONS."""
    query: str
    """As the client wrote it, without its `?`."""
    headers: Headers
    """Lower-case names, in order; without Host, Expect and the fields between neighbours."""
    body: bytes
    peer: str
    """The client's IP address."""
    local_port: int
