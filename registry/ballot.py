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
        self._said = {one: word for one, word in self._said.items() if now - word[0] <= LIFE}
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
        return 1 + self._votes(process, dead, others, now) >= min(QUORUM, 1 + len(others))

    def accused(self, process: Process, observers: Iterable[str], now: float) -> bool:
        """Return whether the others are enough to accuse a process that this registry hears."""
        return self._votes(process, False, observers, now) >= QUORUM

    def _votes(self, process: Process, dead: bool, observers: Iterable[str], now: float) -> int:
        votes = 0
        for registry in observers:
            when, silent = self._said.get(registry, (-LIFE, {}))
            votes += now - when <= LIFE and process in silent and (silent[process] or not dead)
        return votes
