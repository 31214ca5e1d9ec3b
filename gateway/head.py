"""Reads the head of a request: httptools splits the fields; this room refuses what httptools would let through."""

import re
from typing import Final

import httptools

from .authority import parse_authority
from .error_body import Refusal
from .limit import Limits
from .path import normalise

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_METHOD = b"-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TEXT = bytes([9, 10, 13, *range(0x20, 0x7F), *range(0x80, 0x100)])
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")

_SHOWN = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""Methods that httptools is shown; any other is shown to it as GET, since it refuses those that it does not know."""

_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})

_DROPPED = frozenset({"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"})
"""Fields between two neighbours (RFC 9110 §7.6.1); those with a meaning here are read first."""

_KEEP_ALIVE = ["keep-alive"]
"""The Connection options that most clients send, told by identity; the field that it lists is dropped anyway."""

_LEARNED: Final = 512
_LINES_KEPT: Final = 2048
_LINE_BYTES: Final = 256

Line = tuple[str, bool, str, str, str]
"""Method, whether it is HTTP/1.1, authority of an absolute target, path, query."""

_lines: dict[tuple[str, Limits], dict[bytes, Line]] = {}
"""Good request lines, read: most requests repeat an earlier one, and a look-up costs a tenth of the reading."""

_plain: dict[bytes, str] = {}
"""Field names as clients spell them, with their lower case: learned, because a look-up is cheaper than a conversion."""


class HeadReader:
    """The heads of one connection, one after the other; its attributes describe the one read last."""

    __slots__ = (
        "_complete",
        "_connection",
        "_host",
        "_limits",
        "_lines",
        "_parser",
        "_refusal",
        "_scheme",
        "authority",
        "chunked",
        "continues",
        "headers",
        "keep_alive",
        "length",
        "method",
        "modern",
        "path",
        "query",
        "upgrade",
    )

    def __init__(self, limits: Limits, scheme: str = "http") -> None:
        self._limits = limits
        self._scheme = scheme
        self._lines = _lines.setdefault((scheme, limits), {})
        self.renew()

    def renew(self) -> None:
        """Begin with a fresh parser: the old one still waits for the body, which it is not shown."""
        self._parser = httptools.HttpRequestParser(self)

    def read(self, head: bytes) -> None:
        """Read one head: request line, fields and the blank line, complete and nothing more.

        Raises: Refusal, with the status that says why.
        """
        self._complete = self.chunked = self.continues = False
        self._host: bytes | None = None
        self._connection: list[str] | None = None
        self._refusal: Refusal | None = None
        self.upgrade: str | None = None
        self.length = 0
        self.headers: list[tuple[str, str]] = []

        line = head[: head.find(b"\r")]
        known = self._lines.get(line)
        if known is None:
            known = self._line(line)
        self.method, self.modern, self.authority, self.path, self.query = known
        if head.count(b"\n") > self._limits.fields + 2:
            raise Refusal(431, f"there are more than {self._limits.fields} header fields", "too_many_headers")
        if self.method not in _SHOWN:
            head = b"GET" + head[len(self.method) :]

        try:
            self._parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            self.renew()
        except httptools.HttpParserError as error:
            raise self._refusal or Refusal(400, "a header field is malformed", "bad_header") from error
        if self._refusal is not None:
            raise self._refusal
        if not self._complete:
            raise Refusal(400, "a header field is malformed", "bad_header")
        self._conclude()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field from httptools."""
        lower = _plain.get(name)
        if lower is not None:
            # httptools keeps the blanks behind a value, and refuses every other control character.
            self.headers.append((lower, value.rstrip().decode("latin-1")))
        elif name == b"Host" and self._host is None:
            self._host = value.rstrip()
        else:
            self._special(name, value.rstrip())

    def on_headers_complete(self) -> None:
        """Note that httptools found the end of the head where we did."""
        self._complete = True

    def _special(self, name: bytes, value: bytes) -> None:
        lower = name.decode("latin-1").lower()
        match lower:
            case "host":
                if self._host is not None:
                    self._refuse(400, "there is more than one Host", "bad_host")
                self._host = value
            case "content-length":
                self._content_length(value)
                self.headers.append((lower, value.decode("latin-1")))
            case "transfer-encoding":
                self._transfer_encoding(value)
            case "connection" if self._connection is None and value.lower() == b"keep-alive":
                self._connection = _KEEP_ALIVE
            case "connection":
                tokens = [token.strip() for token in value.decode("latin-1").lower().split(",")]
                self._connection = tokens if self._connection is None else self._connection + tokens
            case "upgrade":
                self.upgrade = value.decode("latin-1").lower()
            case "expect":
                if value.lower() == b"100-continue":
                    self.continues = True
                else:
                    self._refuse(417, "the only expectation met here is 100-continue", "bad_expect")
            case _ if lower not in _DROPPED:
                if len(_plain) < _LEARNED and len(name) <= 64:
                    _plain[name] = lower
                self.headers.append((lower, value.decode("latin-1")))
            case _:
                pass

    def _refuse(self, status: int, message: str, cause: str) -> None:
        # httptools would wrap an exception raised inside its callback; so the first refusal is kept and raised later.
        if self._refusal is None:
            self._refusal = Refusal(status, message, cause)

    def _content_length(self, value: bytes) -> None:
        # isdigit() of bytes knows only ASCII; int() alone would take "+5", "1_0" and other scripts' digits.
        if self.length or not value.isdigit() or len(value) > 19:
            self._refuse(400, "the Content-Length is not one decimal number", "bad_framing")
        elif int(value) > self._limits.body_bytes:
            self._refuse(413, f"the body is larger than {self._limits.body_bytes} bytes", "body_too_large")
        else:
            # -1 stands for a stated length of nothing, so that a second Content-Length is still noticed.
            self.length = int(value) or -1

    def _transfer_encoding(self, value: bytes) -> None:
        if self.chunked or not self.modern:
            self._refuse(400, "the Transfer-Encoding is ambiguous", "bad_framing")
        elif value.lower() != b"chunked":
            self._refuse(501, "the only transfer coding known here is chunked", "bad_framing")
        else:
            self.chunked = True

    def _conclude(self) -> None:
        """Check what only the whole head can tell."""
        if self.length:
            if self.chunked:
                raise Refusal(400, "Content-Length and Transfer-Encoding exclude each other", "bad_framing")
            self.length = max(self.length, 0)
        if self._host is not None:
            host = parse_authority(self._host)
            if not self.authority:
                self.authority = host
        elif self.modern:
            raise Refusal(400, "HTTP/1.1 requires a Host", "bad_host")
        listed = self._connection
        if listed is None:
            self.keep_alive = self.modern
        elif listed is _KEEP_ALIVE:
            self.keep_alive = True
        else:
            self.keep_alive = "close" not in listed and (self.modern or "keep-alive" in listed)
            self.headers = [field for field in self.headers if field[0] not in listed]
        if self.upgrade is not None and (listed is None or "upgrade" not in listed or self.upgrade == "h2c"):
            # No upgrade is asked for without the Connection option; h2c is an offer that may be passed over.
            self.upgrade = None
            self.renew()

    def _line(self, line: bytes) -> Line:
        parts = line.split(b" ")
        if len(parts) != 3:
            raise _bad_line(parts)
        method, target, version = parts
        if version not in {b"HTTP/1.1", b"HTTP/1.0"}:
            raise _bad_version(version)
        name = _method(method, self._limits)
        if len(target) > self._limits.target_bytes:
            raise _long_target(self._limits)
        if target.startswith(b"/"):
            found = (name, version == b"HTTP/1.1", "", *normalise(target))
        else:
            found = (name, version == b"HTTP/1.1", *self._other_target(name, target))
        if len(line) <= _LINE_BYTES:
            if len(self._lines) >= _LINES_KEPT:
                self._lines.clear()
            self._lines[line] = found
        return found

    def _other_target(self, method: str, target: bytes) -> tuple[str, str, str]:
        """Absolute form (its authority counts, not the Host) and the asterisk of OPTIONS."""
        if target == b"*" and method == "OPTIONS":
            return "", "*", ""
        scheme, colon, rest = target.partition(b"://")
        if not colon or scheme.lower() not in {b"http", b"https"}:
            raise Refusal(400, "the request target is neither a path nor an http URL", "bad_target")
        if scheme.lower().decode() != self._scheme:
            raise Refusal(421, f"this listener serves {self._scheme} only", "bad_target")
        start = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
        tail = rest[start:]
        return parse_authority(rest[:start]), *normalise(tail if tail.startswith(b"/") else b"/" + tail)


def _method(method: bytes, limits: Limits) -> str:
    if not method or method.translate(None, _TOKEN):
        raise Refusal(400, "the method is malformed", "bad_method")
    if len(method) > limits.method_bytes or method.translate(None, _METHOD):
        raise Refusal(501, "the method is not one that the mesh can carry", "bad_method")
    name = method.decode("ascii")
    if name.upper() in _REFUSED_METHODS:
        raise Refusal(501, f"{name} is not served here", "bad_method")
    return name


def check_beginning(data: bytes, limits: Limits) -> None:
    """Refuse a head that is not complete yet, and can never become a good one.

    Raises: Refusal.
    """
    if data.translate(None, _TEXT) or data.count(b"\n") != (pairs := data.count(b"\r\n")):
        raise Refusal(400, "the header holds a control character or a bare line feed", "bad_header")
    if data.count(b"\r") - pairs > data.endswith(b"\r"):
        raise Refusal(400, "the header holds a bare carriage return", "bad_header")
    line = data.partition(b"\r")[0]
    method, blank, target = line.partition(b" ")
    if method.translate(None, _TOKEN) or (blank and not method):
        raise Refusal(400, "the request line is malformed", "bad_request_line")
    if len(method) > limits.method_bytes:
        raise Refusal(501, "the method is too long", "bad_method")
    if len(target) > limits.target_bytes + len(b" HTTP/1.1"):
        raise _long_target(limits)
    if len(data) > limits.header_bytes:
        raise too_long(limits)


def too_long(limits: Limits) -> Refusal:
    """The head has more bytes than it may."""
    return Refusal(431, f"the header is longer than {limits.header_bytes} bytes", "too_many_headers")


def _long_target(limits: Limits) -> Refusal:
    return Refusal(414, f"the request target is longer than {limits.target_bytes} bytes", "target_too_long")


def _bad_line(parts: list[bytes]) -> Refusal:
    if len(parts) == 2 and parts[1].startswith(b"/"):
        return Refusal(505, "HTTP/0.9 is not spoken here", "bad_version")
    return Refusal(400, "the request line is malformed", "bad_request_line")


def _bad_version(version: bytes) -> Refusal:
    if _VERSION.fullmatch(version):
        return Refusal(505, "this listener speaks HTTP/1.1 and HTTP/1.0", "bad_version")
    return Refusal(400, "the request line names no HTTP version", "bad_request_line")
