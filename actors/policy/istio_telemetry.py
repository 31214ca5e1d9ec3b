"""Istio's Telemetry as users write it: every field by name, what is not honoured marked as such."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

from typing import ClassVar

from msgspec import UNSET, UnsetType

from .istio_destination_rule import WorkloadSelector
from .scalar import Later
from .spec import Share, Spec


class Tracing(Spec):
    """How requests are traced."""

    mistaken: ClassVar[dict[str, str]] = {
        "sampling": "randomSamplingPercentage",
        "samplingPercentage": "randomSamplingPercentage",
        "disabled": "disableSpanReporting",
    }

    match: Later = UNSET
    providers: Later = UNSET
    random_sampling_percentage: Share | UnsetType = UNSET
    disable_span_reporting: bool | UnsetType = UNSET
    custom_tags: Later = UNSET
    use_request_id_for_trace_sampling: Later = UNSET
    enable_istio_tags: Later = UNSET


class Telemetry(Spec):
    """The spec of a Telemetry."""

    mistaken: ClassVar[dict[str, str]] = {"traces": "tracing", "accessLog": "accessLogging"}

    selector: WorkloadSelector | UnsetType = UNSET
    target_ref: Later = UNSET
    target_refs: Later = UNSET
    tracing: list[Tracing] = []
    metrics: Later = UNSET
    access_logging: Later = UNSET
