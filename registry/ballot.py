"""What the registries think of silent processes: a verdict takes two of them, where there are two to be asked."""

from collections.abc import Iterable, Mapping

from .catalog import Process

LIFE = 1.0
"""Seconds that another registry's word counts; while it stands it is said again more often than that."""
QUORUM = 2


class Ballot:
    """The latest word of every other registry. `True` says dead, `False` suspected."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[float, Mapping[Process, bool]]] = {}

    def note(self, registry: str, silent: Mapping[Process, bool], now: float) -> None:
        """Another registry, named by its node, has said whom it does not hear."""
        self._said[registry] = now, silent

    def agreed(self, process: Process, dead: bool, observers: Iterable[str], now: float) -> bool:
        """Return whether enough registries say of `process` what this one says of it.

        Args:
            process: who is silent.
            dead: whether it is to be dead, else suspected at least.
            observers: the nodes of the other registries that can be asked: alive, and not accused themselves.
            now: when it is asked.
        """
        others = list(observers)
        votes = 1
        for registry in others:
            when, silent = self._said.get(registry, (0.0, {}))
            if now - when <= LIFE and process in silent and (silent[process] or not dead):
                votes += 1
        return votes >= min(QUORUM, 1 + len(others))
