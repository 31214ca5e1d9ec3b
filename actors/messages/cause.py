"""The errors by their numbers: what a reply frame's `cause` stands for."""

from .error import MeshError


def _leaves(kind: type[MeshError]) -> dict[int, type[MeshError]]:
    found = {kind.cause: kind} if kind.cause else {}
    for sub in kind.__subclasses__():
        found |= _leaves(sub)
    return found


CAUSES: dict[int, type[MeshError]] = _leaves(MeshError)
"""Every error that can travel, by the number that stands for it in a reply frame."""
