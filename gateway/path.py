"""A request path in its one normal form, found once, before routing and before authorization.

The rules, in order (RFC 3986 §6.2.2, and what edge proxies do):

1. Control characters, spaces, `#` and non-ASCII bytes are refused; so are bad escapes and `%00`, `%0A`, `%0D`.
2. An escaped letter, digit, `-`, `.`, `_` or `~` is decoded; other escapes stay, their hex digits in upper case. So
   `%2F` and `%5C` stay encoded, `%252e` stays `%252e`, and `+` stays `+`.
3. A backslash is a slash, as browsers see it.
4. Dot segments are resolved, never above the root; then repeated slashes are merged.

A normal path is its own normal form: whoever normalises again changes nothing.
"""

import re

from ..actors.routing.path import resolved
from .error_body import Refusal

_PRINTABLE = bytes(range(0x21, 0x7F))
_TARGET = _PRINTABLE.replace(b"#", b"")
_PLAIN = _TARGET.replace(b"%", b"").replace(b"\\", b"").replace(b"?", b"")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_FORBIDDEN = frozenset(b"\x00\r\n")
_ESCAPE = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")


def normalise(target: bytes) -> tuple[str, str]:
    """Path and query of an origin-form target (`/a/b?c=d`): the path normal, the query untouched, without its `?`.

    Raises: Refusal (400) where the target is no path that can be trusted.
    """
    path, mark, query = target.partition(b"?")
    # The common case is one pass in C and two searches: nothing escaped, nothing to resolve.
    odd = path.translate(None, _PLAIN) or b"/." in path or b"//" in path
    text = _slow(path) if odd else path.decode("ascii")
    if not mark:
        return text, ""
    if query.translate(None, _TARGET):
        raise Refusal(400, "the query holds a character that must be escaped", "bad_target")
    return text, query.decode("ascii")


def _slow(path: bytes) -> str:
    if path.translate(None, _TARGET):
        raise Refusal(400, "the path holds a character that must be escaped", "bad_target")
    return resolved(_ESCAPE.sub(_escape, path.decode("ascii")).replace("\\", "/"))


def _escape(match: re.Match[str]) -> str:
    digits: str | None = match[1]
    if digits is None:
        raise Refusal(400, "the path holds a % that is not followed by two hex digits", "bad_escape")
    byte = int(digits, 16)
    if byte in _UNRESERVED:
        return chr(byte)
    if byte in _FORBIDDEN:
        raise Refusal(400, f"the path holds %{digits.upper()}, which no path may hold", "bad_escape")
    return f"%{digits.upper()}"
