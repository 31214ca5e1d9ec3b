"""Which share of a gateway's requests is traced, by the Telemetry policies in force."""

from collections.abc import Iterable, Mapping

from ..messages.rule import Rule
from ..messages.telemetry import Telemetry
from .upstream import ROOT


def sampling(rules: Iterable[Rule], namespace: str, labels: Mapping[str, str]) -> float | None:
    """Return the percentage for a gateway of `namespace` with `labels`; None where no policy says one.

    The narrowest that says one counts, as in Istio: one that selects it, then one of its namespace, then one of the
    root namespace; of several alike the first by name.
    """
    found: list[tuple[int, str, float]] = []
    for one in rules:
        if not isinstance(one, Telemetry):
            continue
        space = one.name.partition("/")[0]
        if one.sampling is None or space not in (namespace, ROOT):
            continue
        if all(labels.get(name) == value for name, value in one.selector.items()):
            rank = 0 if one.selector else 1 if space == namespace else 2
            found.append((rank, one.name, one.sampling))
    return min(found)[2] if found else None
