"""RE2 behind one typed function: linear in the text, so that no pattern can be made to hang the data path."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

LONGEST = 1024
"""Characters that a pattern may have."""

_engine: Any = import_module("re2")  # it has no types


class BadPattern(ValueError):
    """The pattern is not RE2."""


def full_match(pattern: str) -> Callable[[str], bool]:
    """Return a predicate that says whether the whole of a text matches `pattern`.

    Raises:
        BadPattern: the pattern is no RE2 (look-around and back-references are not), or longer than `LONGEST`.
    """
    if len(pattern) > LONGEST:
        raise BadPattern(f"the pattern has {len(pattern)} characters, {LONGEST} are allowed")
    options = _engine.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = _engine.compile(pattern, options)
    except (_engine.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadPattern(f"not a valid RE2 pattern: {text}") from None

    # The wheel's own fullmatch builds a match object, which costs ten times the match itself.
    match = compiled._regexp.Match
    anchor = compiled._regexp.Anchor.ANCHOR_BOTH

    def matches(text: str) -> bool:
        raw = text.encode("utf-8", "surrogateescape")
        return bool(match(anchor, raw, 0, len(raw))[0][0] == 0)

    return matches
