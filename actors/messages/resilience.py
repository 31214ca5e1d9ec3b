"""What Resilience (`plait.dev/v1`) says about a destination beyond Istio's words, as it travels with the rules."""

import msgspec

from .fallback import Fallback
from .mirroring import MirrorDiff
from .traffic import Balancer


class Balancing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How an instance is picked, where that is none of Istio's ways; it holds instead of the destination's balancer."""

    balancer: Balancer | None = None
    rendezvous: bool = False
    """Where calls are hashed, it is by rendezvous instead of a ring or a table."""
    bound: float = 0.0
    """Hashed calls pass over instances that have more than this factor of their share in hand; 0 sets no bound."""


class Hedge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When an idempotent call that is not answered yet is made a second time, on another instance."""

    delay: float | None = None
    """Seconds after which; None for the time that `quantile` says."""
    quantile: float = 0.95
    """Share of the destination's answers (0 to 1) that come sooner."""
    max_extra_percent: float = 5.0
    """So many of the calls may be made twice."""


class Breaker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When calls to an instance, or of a route, fail at once for a while. 0 turns a condition off."""

    failures: float = 50.0
    """Percent of the calls in the window."""
    slow: float = 0.0
    """Seconds from which on a call is slow."""
    slows: float = 50.0
    """Percent of the calls in the window that are slow."""
    calls: int = 20
    """Calls in the window below which nothing is judged."""
    window: float = 10.0
    open: float = 10.0
    """Seconds for which the first opening lasts; each that follows closely lasts twice as long."""
    longest: float = 300.0
    instances: bool = True
    """Each instance has a breaker."""
    routes: bool = True
    """Each route to the destination has one."""


class Concurrency(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many calls an instance takes: a limit that follows from how long they take (Gradient2, with its defaults)."""

    initial: int = 20
    least: int = 20
    most: int = 200
    queue: int = 4
    tolerance: float = 1.5


class Admission(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which part of the calls a caller sends where many of them fail."""

    threshold: float = 95.0
    """Percent of successes that is good enough."""
    aggression: float = 1.0
    requests: int = 10
    """Calls in 30 s below which all are sent."""


class SuccessRate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far the share of an instance's good answers may lie below its peers'."""

    hosts: int = 5
    """With fewer instances rates are not compared; 0: never."""
    requests: int = 100
    """Calls that an instance must have had within an interval."""
    deviations: float = 1.9
    gap: float = 5.0
    """Points below the average, beside the standard deviations."""


class FailureShare(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which share of an instance's calls may fail."""

    percent: float = 85.0
    """0: never looked at."""
    hosts: int = 5
    requests: int = 50


class Detection(msgspec.Struct, frozen=True, array_like=True):
    """What outlier detection does besides what the destination's traffic policy says; None leaves that as it is."""

    success: SuccessRate | None = None
    failure: FailureShare | None = None
    shared: bool | None = None
    """Whether callers pool their failures."""


class Resilience(msgspec.Struct, frozen=True, array_like=True, tag="resilience"):
    """One document. Each block that is None says nothing: what holds is that of a wider document, else the default."""

    name: str
    """`namespace/name`"""
    service: str
    """A service's token, or a wildcard for hosts."""
    subset: str = ""
    """Empty means the whole service, all its subsets included."""
    balancing: Balancing | None = None
    fallbacks: tuple[Fallback, ...] | None = None
    """What calls that fail are answered with, the first that has an answer."""
    hedge: Hedge | None = None
    breaker: Breaker | None = None
    concurrency: Concurrency | None = None
    admission: Admission | None = None
    mirror_diff: MirrorDiff | None = None
    """How its answers are compared with those to copies."""
    detection: Detection | None = None


NOTHING = Resilience("", "")
"""Says nothing."""


def merged(documents: list[Resilience]) -> Resilience:
    """Return what documents say together: each block from the first that has it."""
    if not documents:
        return NOTHING
    first, *others = documents
    for field in msgspec.structs.fields(Resilience):
        if field.default is None and getattr(first, field.name) is None:
            for one in others:
                if getattr(one, field.name) is not None:
                    first = msgspec.structs.replace(first, **{field.name: getattr(one, field.name)})
                    break
    return first
