"""The block `hedging` of a Resilience → when calls are made a second time."""

from ..messages.resilience import Hedge
from .plait_hedging import HedgeDelay, Hedging


def hedge(block: Hedging) -> Hedge:
    """Return the rule; what is not given is the block's default."""
    default = Hedge()
    extra = block.max_extra_percent if isinstance(block.max_extra_percent, int | float) else default.max_extra_percent
    if not isinstance(block.delay, HedgeDelay):
        return Hedge(max_extra_percent=float(extra))
    seconds, quantile = block.delay.seconds, block.delay.quantile
    return Hedge(seconds, default.quantile if quantile is None else quantile, float(extra))
