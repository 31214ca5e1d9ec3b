"""The policy as it would be after a bundle: what the checks between documents look at."""

from collections.abc import Mapping
from typing import NamedTuple

from ..messages.rule import Rule
from .document import Document
from .problem import Path, Report, no_line


class Scene(NamedTuple):
    """The policy as it would be after a bundle."""

    after: Mapping[str, Rule]
    """All rules by key."""
    sources: Mapping[str, Document]
    """The bundle's documents by key."""
    unsound: frozenset[str]
    """Keys of the bundle's documents that are refused on their own: nothing is concluded from their absence."""

    def report(self, key: str) -> Report:
        """Return a new report for a document of the bundle or in force."""
        source = self.sources.get(key)
        return Report(key, source.line if source is not None else no_line)

    def mirror(self, key: str, route: int, place: int) -> Path:
        """Return where a mirror's destination stands in its route: Istio has a form for one and one for several."""
        source = self.sources.get(key)
        several = source is not None and "mirror" not in source.body["spec"]["http"][route]
        return ("mirrors", place, "destination") if several else ("mirror",)
