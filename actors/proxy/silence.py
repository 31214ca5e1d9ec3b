"""Whether an instance whose calls second attempts overtake is slow, or hung: some of those calls are listened to.

Who loses a race is told to stop, so that a slow instance and one that never answers look alike. Where several in a row
were overtaken and none was answered, the next ones stay: an answer shows that it is slow, and none in a time that is
longer by far than its peers' is a failure like any other.
"""

from typing import TYPE_CHECKING

import msgspec

from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError

if TYPE_CHECKING:
    from .waiting import Waiting

OVERTAKEN = 3
"""Calls in a row after which there is reason to listen: a tail of latencies has seldom so many."""
MOST = 5
"""Calls that are listened to at a time: as many as it takes in a row, by default, to eject."""
BY_FAR = 10.0
"""So many times as long as its peer's answer took to come, waiting included, …"""
LEAST = 1.0
"""… and at least so many seconds, it may take to answer."""


class Silence(msgspec.Struct):
    """What is known of one instance since its last good answer to this node."""

    good: int
    """Good answers before."""
    overtaken: int = 0
    """Calls since."""
    listening: int = 0
    """Calls that are listened to."""

    def heard(self, _: ReplyFrame | MeshError) -> None:
        """One that was listened to has ended."""
        self.listening -= 1


def overtaken(first: "Waiting", now: float) -> None:
    """Take note that a second attempt has answered before the `first`; end that, or listen to it a while longer."""
    endpoint, call = first.endpoint, first.call
    silence, good = endpoint.silence, endpoint.tally.good
    if silence is None:
        silence = endpoint.silence = Silence(good)
    elif silence.good != good:
        silence.good, silence.overtaken = good, 0
    silence.overtaken += 1
    if silence.overtaken <= OVERTAKEN or silence.listening >= MOST or endpoint.gone:
        first.cancel()
        return
    until = first.began + max(LEAST, BY_FAR * (now - first.began))
    for end in (call.limit, call.expires):  # beyond its own time the instance owes no answer
        if end is not None and end < until:
            until = end
    silence.listening += 1
    first.listen(until, silence.heard)
