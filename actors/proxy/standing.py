"""What one destination has had from one instance: calls that went well and that failed, and failures in a row."""

import msgspec

from .judgement import Judgement
from .testimony import NONE, Counts


class Standing(msgspec.Struct, eq=False):
    """Counts of one instance at one destination."""

    well: int = 0
    """Good answers in this interval."""
    failed: int = 0
    """Failures in this interval."""
    before: int = 0
    """Good answers in the interval before."""
    counts: Counts = NONE
    """Failures in a row, by kind."""
    times: int = 0
    """Ejections in close succession."""
    uneasy: bool = False
    """Whether a good answer is news: it has failed just now, here or with other callers."""
    aside: float = 0.0
    """Until when what others say of its being out is not heeded: it has returned by its health check."""

    def fail(self, step: Counts) -> None:
        """Count a failure."""
        self.failed += 1
        self.uneasy = True
        errors, gateway, local = self.counts
        if step[0]:  # an answer with an error ends a row of gateway errors, one without an answer no other row
            gateway = gateway + 1 if step[1] else 0
        self.counts = (errors + step[0], gateway, 0 if step[0] and not step[2] else local + step[2])


_STEPS: dict[tuple[Judgement, bool], Counts] = {
    (Judgement.ERROR, False): (1, 0, 0),
    (Judgement.GATEWAY, False): (1, 1, 0),
    (Judgement.LOCAL, False): (1, 1, 0),
    (Judgement.ERROR, True): (1, 0, 0),
    (Judgement.GATEWAY, True): (1, 1, 0),
    (Judgement.LOCAL, True): (0, 0, 1),
}


def step(judgement: Judgement, split: bool) -> Counts:
    """Return by how much a failure adds to each kind of row. Where kinds are not split, a failure without an answer is
    what the caller makes of it: 503 or 504 (as in Envoy)."""
    return _STEPS[judgement, split]
