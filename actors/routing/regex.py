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
    compiled = _compiled(pattern, capture=False)

    # The wheel's own fullmatch builds a match object, which costs ten times the match itself.
    match = compiled._regexp.Match
    anchor = compiled._regexp.Anchor.ANCHOR_BOTH

    def matches(text: str) -> bool:
        raw = text.encode("utf-8", "surrogateescape")
        return bool(match(anchor, raw, 0, len(raw))[0][0] == 0)

    return matches


def substitute(pattern: str, substitution: str) -> Callable[[str], str]:
    r"""Return what replaces each match of `pattern` in a text; `\0` to `\9` in `substitution` are the match's groups.

    Raises:
        BadPattern: the pattern is no RE2, or the substitution names a group that it does not have.
    """
    compiled = _compiled(pattern, capture=True)
    parts: list[str | int] = []
    plain = ""
    escaped = False
    for character in substitution:
        if not escaped:
            escaped = character == "\\"
            plain += "" if escaped else character
            continue
        escaped = False
        if character == "\\":
            plain += character
        elif not (character.isascii() and character.isdigit()):
            raise BadPattern(f"the substitution holds \\{character}: it knows \\0 to \\9, and \\\\ for a backslash")
        elif int(character) > compiled.groups:
            raise BadPattern(f"the substitution names group {character}, the pattern has {compiled.groups}")
        else:
            parts += [plain, int(character)]
            plain = ""
    if escaped:
        raise BadPattern("the substitution ends in a single backslash")
    parts.append(plain)

    def replacement(found: Any) -> str:
        return "".join(part if isinstance(part, str) else found[part] or "" for part in parts)

    def replace(text: str) -> str:
        return str(compiled.sub(replacement, text))

    return replace


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
