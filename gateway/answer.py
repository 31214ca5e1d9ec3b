"""The bytes of an answer: status line, checked fields, framing; pure."""

from http import HTTPStatus
from typing import Final

from ..actors.messages.envelope import Headers

_LINES: dict[int, str] = {int(s): f"HTTP/1.1 {int(s)} {s.phrase}\r\n" for s in HTTPStatus if s >= 200}

_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_OURS = frozenset({"content-length", "date", "server"})
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_BODILESS = frozenset({204, 304})
_LEARNED: Final = 512
_prefixes: dict[str, str] = {}
"""Field names with what they become on the wire: `name: `, or nothing where the connection decides the field."""


def bodiless(status: int) -> bool:
    """Whether an answer of this status has no body, whatever the method."""
    return status in _BODILESS


def whole(status: int, headers: Headers, body: bytes, edge: str, head_only: bool) -> bytes:
    """A whole answer of known length; `edge` holds the lines that the connection adds.

    `head_only` answers HEAD: the stated length stays, the body does not.

    Raises: ValueError for a status or a field that cannot be sent.
    """
    text = _fields(status, headers)
    if status in _BODILESS:
        return f"{text}{edge}\r\n".encode("latin-1")
    if head_only:
        return f"{text}{edge}content-length: {_stated(headers, len(body))}\r\n\r\n".encode("latin-1")
    return f"{text}{edge}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body


def beginning(status: int, headers: Headers, edge: str, chunked: bool) -> bytes:
    """The head of an answer whose length nobody knows yet.

    Raises: ValueError for a status or a field that cannot be sent.
    """
    framing = "transfer-encoding: chunked\r\n" if chunked else ""
    return f"{_fields(status, headers)}{edge}{framing}\r\n".encode("latin-1")


def _fields(status: int, headers: Headers) -> str:
    text = _LINES.get(status) or _line(status)
    lines = 1
    listed = False
    for name, value in headers:
        prefix = _prefixes.get(name)
        if prefix is None:
            prefix = _learn(name)
        if prefix:
            text += f"{prefix}{value}\r\n"
            lines += 1
        elif name.lower() == "connection":
            listed = True
    # Values are searched all at once: more line ends than lines means that somebody smuggled one in.
    if text.count("\n") != lines or text.count("\r") != lines or "\0" in text:
        raise ValueError("a header value holds a line end or NUL")
    return _fields(status, _unlisted(headers)) if listed else text


def _unlisted(headers: Headers) -> Headers:
    """The fields that the service's own connection did not claim for itself."""
    options = {"connection"}
    for name, value in headers:
        if name.lower() == "connection":
            options |= {option.strip().lower() for option in value.split(",")}
    return [field for field in headers if field[0].lower() not in options]


def _line(status: int) -> str:
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not a final status")
    return f"HTTP/1.1 {status} \r\n"


def _learn(name: str) -> str:
    lower = name.lower()
    if not lower or not _TOKEN.issuperset(lower):
        raise ValueError("a header name is not a token")
    prefix = "" if lower in _HOP_BY_HOP or lower in _OURS else f"{lower}: "
    if len(_prefixes) < _LEARNED and len(name) <= 64:
        _prefixes[name] = prefix
    return prefix


def _stated(headers: Headers, length: int) -> int:
    """The length that a HEAD answer tells: that of the body, or what the service said in its place."""
    if not length:
        for name, value in headers:
            if name == "content-length" and value.isascii() and value.isdigit() and len(value) <= 19:
                return int(value)
    return length
