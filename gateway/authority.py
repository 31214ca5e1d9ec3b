"""The host and port that a request is for: which forms are accepted, and their one spelling."""

import ipaddress

from .error_body import Refusal

_NAME = b"abcdefghijklmnopqrstuvwxyz0123456789.-_"
_KEPT = 1024
_known: dict[bytes, str] = {}


def parse_authority(value: bytes) -> str:
    """`host` or `host:port` in lower case; IPv6 addresses stand in brackets.

    User names, lists, escapes, blanks and ports above 65535 are refused: servers disagree about them, and a
    disagreement about the host is a way around a rule.

    Raises: Refusal (400) for any other form.
    """
    found = _known.get(value)
    if found is None:
        found = _parse(value)
        # A listener sees few hosts, so most requests end at the look-up; a flood of names must not fill memory.
        if len(_known) >= _KEPT:
            _known.clear()
        _known[value] = found
    return found


def _parse(value: bytes) -> str:
    lower = value.lower()
    if lower.startswith(b"["):
        host, closing, rest = lower.partition(b"]")
        port = rest[1:] if rest.startswith(b":") else None
        good = bool(closing) and (not rest or port is not None) and _is_ipv6(host[1:])
    else:
        host, colon, rest = lower.partition(b":")
        port = rest if colon else None
        good = 0 < len(host) <= 253 and not host.translate(None, _NAME)
    if not good or (port is not None and not _is_port(port)):
        raise Refusal(400, "the Host is neither a name nor an address with an optional port", "bad_host")
    return lower.decode("ascii")


def _is_port(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 5 and int(text) <= 65535


def _is_ipv6(text: bytes) -> bool:
    try:
        ipaddress.IPv6Address(text.decode("ascii"))
    except ValueError:
        return False
    return b"%" not in text
