"""RE2 behind one typed function: linear in the text, so that no pattern can be made to hang the data path."""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

LONGEST = 1024
"""Characters that a pattern may have."""
MOST = 256
"""Matches that a substitution replaces in one text."""

_REFERENCE = re.compile(r"\\([0-9]|[^0-9]|\Z)", re.ASCII | re.DOTALL)

_engine: Any = import_module("re2")  # it has no types


class BadPattern(ValueError):
    """The pattern is not RE2."""


def full_match(pattern: str) -> Callable[[str], bool]:
    """Return a predicate that says whether the whole of a text matches `pattern`.

    Raises:
        BadPattern: the pattern is no RE2 (look-around and back-references are not), or longer than `LONGEST`.
    """
    compiled = _compiled(pattern, capture=False)

    # The wheel's own fullmatch builds a match object, which costs ten times the match itself.
    match = compiled._regexp.Match
    anchor = compiled._regexp.Anchor.ANCHOR_BOTH

    def matches(text: str) -> bool:
        raw = text.encode("utf-8", "surrogateescape")
        return bool(match(anchor, raw, 0, len(raw))[0][0] == 0)

    return matches


def substitute(pattern: str, substitution: str) -> Callable[[str], str]:
    r"""Return what replaces the matches of `pattern` in a text, as RE2's `GlobalReplace` does.

    `\0` to `\9` in `substitution` are the match's groups. Only the first `MOST` matches are replaced: each costs a
    search, and the text comes from outside.

    Raises:
        BadPattern: the pattern is no RE2, or the substitution names a group that it does not have.
    """
    compiled = _compiled(pattern, capture=True)
    parts = _parts(substitution, compiled.groups)
    search = compiled._regexp.Match
    anchor = compiled._regexp.Anchor.UNANCHORED

    def replace(text: str) -> str:
        raw = text.encode("utf-8", "surrogateescape")
        size = len(raw)
        made: list[bytes] = []
        at, last = 0, -1
        for _ in range(MOST):
            spans = search(anchor, raw, at, size)
            begin, end = spans[0]
            if begin < 0:
                break
            if begin == end == last:  # an empty match right behind another is none
                if at == size:
                    break
                made.append(raw[at : at + 1])
                at += 1
                continue
            made.append(raw[at:begin])
            made += [part if isinstance(part, bytes) else raw[slice(*spans[part])] for part in parts]
            at = last = end
        made.append(raw[at:])
        return b"".join(made).decode("utf-8", "surrogateescape")

    return replace


def _parts(substitution: str, groups: int) -> list[bytes | int]:
    """A substitution's texts and numbers of groups, in order."""
    parts: list[bytes | int] = []
    pieces = iter(_REFERENCE.split(substitution))
    parts.append(next(pieces).encode())
    for escaped, plain in zip(pieces, pieces, strict=True):
        if escaped.isdigit():
            if int(escaped) > groups:
                raise BadPattern(f"the substitution names group {escaped}, the pattern has {groups}")
            parts.append(int(escaped))
        elif escaped == "\\":
            parts.append(b"\\")
        elif escaped:
            raise BadPattern(f"the substitution holds \\{escaped}: it knows \\0 to \\9, and \\\\ for a backslash")
        else:
            raise BadPattern("the substitution ends in a single backslash")
        parts.append(plain.encode())
    return parts


def _compiled(pattern: str, capture: bool) -> Any:
    if len(pattern) > LONGEST:
        raise BadPattern(f"the pattern has {len(pattern)} characters, {LONGEST} are allowed")
    options = _engine.Options()
    options.log_errors = False
    options.never_capture = not capture
    try:
        return _engine.compile(pattern, options)
    except (_engine.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadPattern(f"not a valid RE2 pattern: {text}") from None
