"""Resilience (`plait.dev/v1`) → the rule of that name: its destination checked, each block translated by itself."""

from msgspec import UNSET

from ..messages import resilience as rule
from .hostname import check_host, destination_service
from .plait_resilience import Resilience
from .problem import ProblemCode, Report
from .translate_balancing import balancing
from .translate_circuit_breaker import circuit_breaker
from .translate_detection import detection
from .translate_fallback import fallbacks
from .translate_hedging import hedge
from .translate_mirror_diff import mirror_diff
from .translate_overload import admission, concurrency


def resilience(spec: Resilience, namespace: str, name: str, report: Report) -> rule.Resilience:
    """Return the rule of a Resilience; it is complete where nothing was refused."""
    path = ("spec", "host")
    if "*" in spec.host:
        service = spec.host.lower() if check_host(spec.host, path, report) else ""
    else:
        service = destination_service(spec.host, namespace, path, report)
    if spec.subset and spec.concurrency is not UNSET:
        message = "each instance looks at what is said about its whole service: a subset has no concurrency of its own"
        report.warn(ProblemCode.NO_EFFECT, ("spec", "concurrency"), message, "put it into a Resilience without subset")
    return rule.Resilience(
        f"{namespace}/{name}",
        service,
        spec.subset,
        balancing(spec.load_balancer),
        fallbacks=None
        if spec.fallbacks is UNSET
        else fallbacks(spec.fallbacks, namespace, ("spec", "fallbacks"), report),
        hedge=None if spec.hedging is UNSET else hedge(spec.hedging),
        breaker=None
        if spec.circuit_breaker is UNSET
        else circuit_breaker(spec.circuit_breaker, ("spec", "circuitBreaker"), report),
        concurrency=concurrency(spec.concurrency, ("spec", "concurrency"), report),
        admission=admission(spec.admission, ("spec", "admission"), report),
        mirror_diff=None
        if spec.mirror_diff is UNSET
        else mirror_diff(spec.mirror_diff, ("spec", "mirrorDiff"), report),
        detection=detection(spec.outlier_detection, ("spec", "outlierDetection"), report),
    )
