"""Rewrites of a path, compiled for the match that leads to them: a prefix, the whole path, or what a regex finds."""

from collections.abc import Callable

from ..messages.rule import MatchKind, Rewrite, RouteMatch
from .path import resolved
from .regex import substitute


def matched_prefix(match: RouteMatch) -> str | None:
    """Return the prefix that a match takes, None where it takes whole paths; `/` without a condition, as in Istio."""
    if match.uri is None:
        return "/"
    return match.uri.value if match.uri.kind is MatchKind.PREFIX else None


def in_place_of(prefix: str | None, uri: str) -> Callable[[str], str]:
    """Return what puts `uri` in the place of `prefix` in a path that begins with it, in that of all of it where None.

    What comes out is resolved again: `/api../x` below the prefix `/api` must not get out of what `uri` names.
    """
    if prefix is None:
        whole = _rooted(uri)
        return lambda path: whole
    size = len(prefix)
    return lambda path: _rooted(uri + path[size:])


def path_rewrite(rewrite: Rewrite, match: RouteMatch) -> Callable[[str], str] | None:
    """Return what a rewrite makes of a path that `match` took; None where it leaves paths alone.

    Raises:
        BadPattern: its regex is no RE2, or its substitution does not fit it.
    """
    if rewrite.regex:
        replace = substitute(rewrite.regex, rewrite.substitution)
        return lambda path: _rooted(replace(path))
    return None if rewrite.uri is None else in_place_of(matched_prefix(match), rewrite.uri)


def _rooted(path: str) -> str:
    return resolved(path if path.startswith("/") else f"/{path}")
