"""What an outcome says of the instance: well, failed and in which way, or nothing at all.

Only failures that reached the instance, or prove that it is gone, speak against it. That the caller gave up, its bus is
gone, or the instance is busy, leaving or was asked wrongly says nothing.
"""

import enum

from ..messages.envelope import ReplyFrame
from ..messages.error import (
    ActorStopped,
    BadReply,
    Broken,
    DeadlineExceeded,
    FaultInjected,
    HandlerFailed,
    NoResponders,
    Unreachable,
)
from .judge import Outcome

PATIENCE = 0.1
"""Seconds that an attempt must have waited for its timeout to speak against the instance: who gives less than that may
ask for too much."""

GATEWAY = frozenset({502, 503, 504})


class Judgement(enum.IntEnum):
    """What an outcome says."""

    NOTHING = 0
    WELL = 1
    ERROR = 2
    """An answer with a status that is a failure."""
    GATEWAY = 3
    """One of 502, 503, 504: the instance has found nobody behind it."""
    LOCAL = 4
    """No answer, for a reason that is the instance's (Envoy: of local origin)."""


_LOCAL = (NoResponders, BadReply, Broken, Unreachable, ActorStopped)


def judge(outcome: Outcome, seconds: float, codes: frozenset[int]) -> Judgement:
    """Return what an outcome says after so many seconds; `codes` are statuses that are failures beside 5xx."""
    if isinstance(outcome, ReplyFrame):
        return of_status(outcome.status, codes)
    if isinstance(outcome, DeadlineExceeded):
        return Judgement.LOCAL if seconds >= PATIENCE else Judgement.NOTHING
    if isinstance(outcome, _LOCAL):
        return Judgement.LOCAL
    if isinstance(outcome, FaultInjected):
        return of_status(outcome.status, codes)  # one that is put in at an attempt is to be seen as if it were real
    if isinstance(outcome, HandlerFailed):
        return Judgement.ERROR
    return Judgement.NOTHING


def of_status(status: int, codes: frozenset[int]) -> Judgement:
    """Return what an answer's status says."""
    if status in GATEWAY:
        return Judgement.GATEWAY
    return Judgement.ERROR if status >= 500 or status in codes else Judgement.WELL


def told(outcome: Outcome) -> str:
    """Return an outcome for people."""
    return f"status {outcome.status}" if isinstance(outcome, ReplyFrame) else str(outcome)
