"""Which answers may be kept and given again, and for how long: the rules of HTTP's caches, for a shared one that gives
answers only in place of failures (RFC 9111; RFC 5861, `stale-if-error`). Pure.
"""

from collections.abc import Iterable

from ..messages.envelope import Headers, ReplyFrame
from .call import Call

KEPT_METHODS = frozenset({"GET", "HEAD"})

_NEVER = frozenset({"no-store", "no-cache", "private"})
_FRESH_ONLY = frozenset({"must-revalidate", "proxy-revalidate", "s-maxage"})


def keep_for(call: Call, reply: ReplyFrame, longest: float) -> float:
    """Return for how many seconds an answer may be given again, `longest` at most; 0 for one that may not be kept."""
    if call.method not in KEPT_METHODS or not 200 <= reply.status < 300 or reply.status == 206 or reply.stream:
        return 0.0
    authorized = False
    for name, value in call.headers:
        if name == "authorization":
            authorized = True
        elif name == "range" or (name == "cache-control" and "no-store" in directives((value,))):
            return 0.0
    said: list[str] = []
    for name, value in reply.headers:
        if name == "cache-control":
            said.append(value)
        elif name == "set-cookie" or (name == "vary" and "*" in value):
            return 0.0
    if not said:
        return 0.0 if authorized else longest
    found = directives(said)
    if not _NEVER.isdisjoint(found) or (authorized and "public" not in found):
        return 0.0
    fresh = _seconds(found.get("s-maxage", found.get("max-age", "0")))
    if not _FRESH_ONLY.isdisjoint(found):
        return min(longest, fresh)
    if "stale-if-error" in found:
        return min(longest, fresh + _seconds(found["stale-if-error"]))
    return longest


def directives(values: Iterable[str]) -> dict[str, str]:
    """Return the directives of `cache-control` fields with their arguments, empty for those without."""
    found: dict[str, str] = {}
    for value in values:
        for part in value.split(","):
            name, _, argument = part.partition("=")
            found[name.strip().lower()] = argument.strip().strip('"')
    return found


def varies(headers: Headers) -> tuple[str, ...]:
    """Return the names of the request's fields that an answer says it depends on, sorted."""
    said = ",".join(value for name, value in headers if name == "vary").lower()
    return tuple(sorted({one.strip() for one in said.split(",")} - {""})) if said else ()


def _seconds(text: str) -> float:
    """The number of a directive; one that is none counts as 0, which keeps the least."""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0.0
