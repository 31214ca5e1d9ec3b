"""W3C baggage: the few named values that travel with a request by themselves.

Only names on a list travel, because at every hop they are visible as headers: what strangers may set must be chosen.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_to_bytes

DEFAULT_NAMES = ("end-user", "x-request-id")
"""What travels where nobody chose otherwise."""

MEMBER_LIMIT = 64
"""Members of one baggage header that are read or written."""

SIZE_LIMIT = 8192
"""Bytes of a baggage header that are read or written."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}\Z")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PLAIN = "!#$&'()*+-./:<=>?@[]^_`{|}~"


class BaggageNames:
    """The list of names that travel, and what reads and writes by it."""

    def __init__(self, names: Iterable[str] = DEFAULT_NAMES) -> None:
        """Let `names` travel (header names, any case).

        Raises:
            ValueError: one of them is no header name.
        """
        listed = tuple(name.lower() for name in names)
        self.names = frozenset(listed)
        for name in listed:
            if _NAME.match(name) is None:
                raise ValueError(f"{name!r} cannot be a baggage name: it is no HTTP token")

    def parse(self, header: str) -> dict[str, str]:
        """Return the listed members of a baggage header, decoded, names in lower case.

        Members that are not valid are left out, as are properties and all beyond 64 members or 8,192 bytes. A value
        that holds control characters is left out too: it becomes a header. Of a name that comes twice the last counts.
        """
        found: dict[str, str] = {}
        if not header or not self.names:
            return found
        for member in header[:SIZE_LIMIT].split(",")[:MEMBER_LIMIT]:
            key, equals, rest = member.partition("=")
            name = key.strip(" \t").lower()
            if not equals or name not in self.names:
                continue
            raw = rest.partition(";")[0].strip(" \t")
            if _VALUE.match(raw) is None:
                continue
            value = unquote_to_bytes(raw).decode("utf-8", "replace") if "%" in raw else raw
            if _CONTROL.search(value) is None:
                found[name] = value
        return found

    def collect(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return what of a request's headers (names in lower case) travels on.

        A header of a listed name counts more than the member of the baggage header: it is what users set by hand.
        """
        names = self.names
        direct: dict[str, str] = {}
        lines: list[str] = []
        for name, value in headers:
            if name in names:
                direct[name] = value
            elif name == "baggage":
                lines.append(value)
        return self.parse(",".join(lines)) | direct if lines else direct


def format_baggage(values: Mapping[str, str]) -> str:
    """Return the baggage header for `values`; members that would pass a limit or have no valid name are left out."""
    members: list[str] = []
    size = -1
    for name, value in values.items():
        if _NAME.match(name) is None:
            continue
        member = f"{name}={quote(value, safe=_PLAIN, errors='replace')}"
        if len(members) == MEMBER_LIMIT or size + 1 + len(member) > SIZE_LIMIT:
            continue
        members.append(member)
        size += 1 + len(member)
    return ",".join(members)
