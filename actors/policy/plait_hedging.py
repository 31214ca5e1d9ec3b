"""The block `hedging` of a Resilience as users write it."""

import re
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import PositiveDuration, Scalar
from .spec import Spec

_QUANTILE = re.compile(r"p([5-9][0-9](?:\.[0-9]{1,2})?)")


class HedgeDelay(Scalar):
    """When a call is made a second time: after a duration, or after the time in which a share of the answers came."""

    def __init__(self, seconds: float | None = None, quantile: float | None = None) -> None:
        self.seconds = seconds
        self.quantile = quantile
        """Between 0 and 1."""

    @classmethod
    def parse(cls, value: object) -> "HedgeDelay":
        """Return the delay.

        Raises:
            ValueError: it is neither a quantile nor a duration of at least 1 ms.
        """
        if isinstance(value, str) and (found := _QUANTILE.fullmatch(value)):
            return cls(quantile=float(found[1]) / 100.0)
        try:
            return cls(seconds=float(PositiveDuration.parse(value)))
        except ValueError as error:
            raise ValueError(f"{error.args[0]}, and no quantile", 'such as "p95" or "50ms"') from None


class Hedging(Spec):
    """Idempotent calls that are not answered yet are made a second time, on another instance."""

    mistaken: ClassVar[dict[str, str]] = {"maxExtra": "maxExtraPercent", "after": "delay"}

    delay: HedgeDelay | UnsetType = UNSET
    max_extra_percent: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
