"""How busy each instance says it is: the last word of its node's heartbeats, kept beside the table, not in it.

No other registry and no replica hears of it from here: every registry hears every heartbeat, and callers hear of the
instances that they call in the replies.
"""

from ..actors.messages.instance import Heartbeat
from ..actors.messages.load import LoadReport, believable
from .catalog import Catalog, key_of

STALE = 5.0
"""Seconds after which a word without a newer one says nothing any more: twenty heartbeats."""


class Loads:
    """One registry's; times are monotonic seconds."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._last: dict[str, tuple[LoadReport, float]] = {}

    def heard(self, beat: Heartbeat, now: float) -> None:
        """Take in a heartbeat: what it says of instances that live in its process, and can be."""
        for service, name, load in beat.loads:
            key = key_of(service, name)
            known = self._catalog.instances.get(key)
            if known is not None and (known.node, known.data) == (beat.node, beat.data) and believable(load):
                self._last[key] = load, now

    def of(self, key: str, now: float) -> LoadReport | None:
        """Return what an instance said last; None where that is nothing, or too long ago."""
        load, when = self._last.get(key, (None, 0.0))
        return load if now - when <= STALE else None

    def forget(self) -> None:
        """Drop what is known of those who are gone."""
        self._last = {key: last for key, last in self._last.items() if key in self._catalog.instances}
