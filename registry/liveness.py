"""Who has been heard lately: a fixed limit on silence, and no verdict by a watcher that was away itself."""

from collections.abc import Callable, Iterable

_FORGET = 60.0  # seconds after which a silent node without instances is forgotten


class Liveness:
    """When each node was last heard. Times are seconds of one clock."""

    LATE = 0.1
    """Seconds of own lateness from which on a look gives no verdict (after Lifeguard, arXiv 1707.00788)."""

    def __init__(self, limit: float) -> None:
        """A node that is silent for `limit` seconds is gone."""
        self.limit = limit
        self._seen: dict[str, float] = {}
        self._since = 0.0

    def begin(self, now: float) -> None:
        """Nobody could be heard before: everyone gets the full time from now on."""
        self._since = now

    def heard(self, node: str, now: float) -> None:
        """`node` gave a sign of life."""
        self._seen[node] = now

    def knows(self, node: str) -> bool:
        """Return whether `node` has been heard and not been forgotten."""
        return node in self._seen

    def last(self, node: str) -> float:
        """Return when `node` was heard last, or since when it could have been."""
        return max(self._seen.get(node, self._since), self._since)

    def silent(self, nodes: Iterable[str], now: float, late: float) -> list[str]:
        """Return those of `nodes` that are gone; `late` is by how many seconds this look itself comes late.

        Time that the watcher slept does not count against anyone: their signs of life wait in its buffers.
        """
        if late > self.LATE:
            self._since += late
            self._seen = {node: seen + late for node, seen in self._seen.items()}
            return []
        if now - self._since < self.limit:
            return []
        return [node for node in nodes if now - self.last(node) > self.limit]

    def forget(self, keep: Callable[[str], bool], now: float) -> None:
        """Drop what is known of nodes that are long silent and not to be kept."""
        for node in [node for node, seen in self._seen.items() if now - seen > _FORGET and not keep(node)]:
            del self._seen[node]
