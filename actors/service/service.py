"""The class that users subclass: a service is an actor whose messages are HTTP-shaped calls."""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ...tracing.record import Kind
from ..loop.timer import sleep_until
from ..messages.instance import Instance
from ..messages.name import label, service_token
from ..proxy.call import Caller
from ..proxy.meter import Meter
from ..proxy.proxy import Proxy
from ..runtime.actor import Actor
from .calling import Calling
from .check import Check, Outside, checks_of
from .context import Baggage
from .event import Interests, interests_of
from .handling import handle
from .poison import Poison
from .route import Router, router_of

if TYPE_CHECKING:
    from ...tracing.tracer import ActiveSpan, Tracer


class Hosting(msgspec.Struct, frozen=True, eq=False):
    """What a node gives to a service that it runs."""

    instance: Instance
    caller: Caller
    proxy: Proxy
    tracer: "Tracer"
    poison: Poison = msgspec.field(default_factory=Poison)
    meter: Meter = msgspec.field(default_factory=Meter)

    def serve(
        self,
        name: str,
        traceparent: str,
        tracestate: str,
        attributes: Mapping[str, str | int | float | bool],
        kind: Kind = Kind.SERVER,
    ) -> "ActiveSpan | None":
        """Start the span of a call or event that is handled here; None where it is not sampled."""
        return self.tracer.start(name, kind, traceparent, tracestate, attributes)


class Service(Actor, Calling[Hosting]):
    """A named service of the mesh.

    Class arguments: `name` (a subclass without one is only a base), `version`, `namespace`, `labels`, `concurrency`
    (calls handled at a time), `mailbox` (calls that may wait beyond those), `restart_on_error` (a handler that raises
    ends this life of the service; by default it only fails its call), `checks` (of its health, beside those of its
    methods that are decorated with `check`).
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "v1"
    namespace: ClassVar[str] = "default"
    labels: ClassVar[Mapping[str, str]] = {}
    concurrency: ClassVar[int] = 256
    mailbox: ClassVar[int] = 1000
    restart_on_error: ClassVar[bool] = False
    checks: ClassVar[Sequence[Outside]] = ()
    router: ClassVar[Router]
    interests: ClassVar[Interests]
    examined: ClassVar[tuple[Check, ...]]
    """All of its health checks."""

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        version: str | None = None,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        concurrency: int | None = None,
        mailbox: int | None = None,
        restart_on_error: bool | None = None,
        checks: Sequence[Outside] | None = None,
    ) -> None:
        super().__init_subclass__()
        given = {
            "name": label(name, "service") if name is not None else None,
            "version": version,
            "namespace": label(namespace, "namespace") if namespace is not None else None,
            "labels": labels,
            "concurrency": concurrency,
            "mailbox": mailbox,
            "restart_on_error": restart_on_error,
            "checks": checks,
        }
        for key, value in given.items():
            if value is not None:
                setattr(cls, key, value)
        cls.router = router_of(cls)
        cls.examined = checks_of(cls, cls.checks)
        cls.interests = interests_of(cls, cls.token() if cls.name else "")

    @classmethod
    def token(cls) -> str:
        """The service's name as one token of a subject."""
        return service_token(cls.name, cls.namespace)

    # What a service is given

    @property
    def instance(self) -> str:
        """This instance's id."""
        return self.hosting.instance.id

    @property
    def locality(self) -> str:
        """Where this instance runs (`region/zone/subzone`), empty where unknown."""
        return self.hosting.instance.locality

    @property
    def rng(self) -> random.Random:
        """Chance."""
        return self.surroundings.rng

    @property
    def baggage(self) -> Baggage:
        """The context that travels by itself with the call in hand."""
        return Baggage()

    def clock(self) -> float:
        """Monotonic seconds."""
        return self.surroundings.clock()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await sleep_until(self.surroundings.deadlines, self.clock() + seconds)

    def report(self, *, utilization: float | None = None, **figures: float | None) -> None:
        """Tell callers how busy this instance is, until it says something else; see docs/loadbalancing.md.

        Args:
            utilization: how busy, 0 to 1, in the place of how busy its event loop is; 0 leaves it at that again.
            figures: up to 16 figures of its own, by name; None takes one back.

        Raises:
            ValueError: a figure is none, or there are too many.
        """
        self.hosting.meter.say(utilization, figures)

    # Being called

    def receive(self, message: Any) -> Any:
        """Handle one call; the runtime calls this."""
        return handle(self, message)

    def unread(self) -> int:
        """Return how many events this instance could not read."""
        return self.hosting.poison.count
