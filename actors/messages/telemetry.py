"""What Telemetry (`telemetry.istio.io`) says of traces, as it travels with the rules."""

import msgspec


class Telemetry(msgspec.Struct, frozen=True, array_like=True, tag="telemetry"):
    """Which share of the requests is traced, for some gateways or for all."""

    name: str
    """`namespace/name`; the namespace is part of whom it holds for."""
    selector: dict[str, str] = {}
    """Labels that a gateway carries; empty for all of the namespace."""
    sampling: float | None = None
    """Percent of the requests that are recorded; None leaves it to the wider policy."""
