"""An instance as its callers see it: where to call it and how many calls it has in hand."""

from typing import TYPE_CHECKING

from ..balancing.peak_ewma import UNMEASURED
from ..messages.instance import Instance
from ..messages.load import LoadReport, believable
from .tally import Tally

if TYPE_CHECKING:
    from .pool import Pool
    from .silence import Silence

NONE = 2.0**-30
"""Stands for a weight of 0, which is told apart before: where all have it, all are alike."""

UNFIT = 0.5
"""A health score from which down an instance no longer counts as a whole one."""


class Endpoint:
    """One instance in one life; snapshots share it, so that what is learnt of it outlives them."""

    __slots__ = (
        "_factors",
        "active",
        "addresses",
        "awaited",
        "gone",
        "instance",
        "latency",
        "load",
        "loaded_at",
        "measured",
        "score",
        "silence",
        "since",
        "tally",
        "weight",
    )

    def __init__(self, instance: Instance, since: float = 0.0) -> None:
        self.instance = instance
        self.since = since
        """Monotonic seconds at which this node heard of it."""
        self._factors: dict[object, float] = {}
        self.active = 0
        """Calls from this node that wait for its answer."""
        self.weight = instance.weight or NONE
        """Its share of the calls, in proportion to the others': what it registered with, less while it warms up."""
        self.load: LoadReport | None = None
        """How busy it was when it last said so; None where it never did."""
        self.loaded_at = 0.0
        """When that was, on the node's monotonic clock."""
        self.tally = Tally()
        """What has become of this node's attempts."""
        self.score = 1.0
        """How well it does, 0 to 1, by what this node sees of it; see `health_score.py`."""
        self.silence: Silence | None = None
        """What second attempts that were faster have shown; None where none was."""
        self.awaited: tuple[Pool, ...] = ()
        """Destinations with calls that wait until it has a place; nobody mostly."""
        self.latency = UNMEASURED
        """Seconds that it takes to answer, as peak EWMA has learnt, at the time `measured`; negative where unknown."""
        self.measured = 0.0
        self.gone = False
        """The registry has taken it out."""
        self.addresses: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        """By caller and method: the call's subject, and its reply subject up to the counter."""

    @property
    def id(self) -> str:
        """The instance's id."""
        return self.instance.id

    @property
    def warmth(self) -> float:
        """The part (0 to 1) of its weight that it has so far."""
        return min(self._factors.values(), default=1.0)

    @property
    def fitness(self) -> float:
        """How much it counts where healthy instances are counted: 1, or its score where that is low."""
        return self.score if self.score < UNFIT else 1.0

    def renew(self, instance: Instance) -> None:
        """Take what it says about itself now."""
        self.instance = instance
        self._weigh()

    def warm(self, by: object, factor: float) -> None:
        """Have only this part (0 to 1) of its weight as far as `by` is concerned; the least counts, for all callers of
        this node: how warm an instance is does not depend on the name by which it is called."""
        if factor == 1.0:
            if self._factors.pop(by, None) is None:
                return
        else:
            self._factors[by] = factor
        self._weigh()

    def _weigh(self) -> None:
        self.weight = (self.instance.weight or NONE) * self.warmth

    def report(self, load: LoadReport, now: float) -> None:
        """Take in how busy it says it is; figures that cannot be are no news."""
        if believable(load):
            self.load, self.loaded_at = load, now

    def __repr__(self) -> str:
        return f"<Endpoint {self.instance.service}/{self.instance.id} active={self.active}>"
