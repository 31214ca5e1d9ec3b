"""How well an instance does, 0 to 1: by how often it answers, how fast beside its peers, how near it is to its limit.

The three are multiplied: each alone can make an instance a bad choice, and none makes up for another.
"""

from collections.abc import Iterable, Sequence
from statistics import median_low

from ..messages.load import LoadReport
from .endpoint import Endpoint

DOUBT = 5.0
"""Attempts that count as good ones before anything is known: one failure of one attempt is no verdict, and an instance
that gets no calls any more comes back to 1 as its past fades."""
SLOW = 2.0
"""An instance is slow from so many times the median of its peers on."""
QUICK = 0.005
"""Seconds below which no answer is slow, whatever the peers take: differences there are noise."""
FULL = 0.8
"""Saturation from which on there is little room left."""
AT_LIMIT = 0.5
"""What is left of the score of an instance without any room: it still answers."""
STALE = 10.0
"""Seconds after which a report of load says nothing any more."""


def score(recent: float, failed: float, latency: float, typical: float, saturation: float) -> float:
    """Return how well an instance does.

    Args:
        recent: attempts of late, `failed` of which failed.
        failed: see above.
        latency: seconds that its answers took, 0 where there was none.
        typical: seconds that those of its peers take, 0 where it has none.
        saturation: how near it is to its limit by its own word, 0 to 1.
    """
    success = (recent - failed + DOUBT) / (recent + DOUBT)
    slowness = latency / max(SLOW * typical, QUICK) if typical else 0.0
    speed = 1.0
    if slowness > 1.0:
        speed -= (1.0 - 1.0 / slowness) * recent / (recent + DOUBT)  # what little is known weighs little
    room = 1.0 - (1.0 - AT_LIMIT) * max(0.0, saturation - FULL) / (1.0 - FULL)
    return min(1.0, max(0.0, success * speed * room))


def typical_latency(endpoints: Iterable[Endpoint]) -> float:
    """Return the median of what answers of these instances take, of those with enough of them; 0 below two."""
    known = [one.tally.latency for one in endpoints if one.tally.recent - one.tally.recent_failures >= 1.0]
    return median_low(known) if len(known) > 1 else 0.0


def saturation(load: LoadReport | None, age: float) -> float:
    """Return how near to its limit an instance said it is, `age` seconds ago; 0 where that says nothing any more."""
    return load.saturation if load is not None and age <= STALE else 0.0


def scores(endpoints: Sequence[Endpoint], now: float) -> list[float]:
    """Return the score of each of the instances of one service, by what this node knows of them."""
    typical = typical_latency(endpoints)
    return [
        score(
            one.tally.recent,
            one.tally.recent_failures,
            one.tally.latency,
            typical,
            saturation(one.load, now - one.loaded_at),
        )
        for one in endpoints
    ]
