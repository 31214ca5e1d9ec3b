"""The gateway actor: HTTP requests become routed calls, replies become HTTP answers."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..actors.messages.envelope import Headers
from ..actors.proxy.call import Call, Caller
from ..actors.proxy.proxy import Proxy
from ..actors.proxy.snapshot import Snapshot
from ..actors.routing.sampling import sampling
from ..actors.runtime.actor import Actor
from ..tracing import tag
from ..tracing.b3 import FIELDS as B3
from ..tracing.b3 import traceparent_of
from ..tracing.baggage import BaggageNames
from ..tracing.context import begin, limit_tracestate, request_id
from ..tracing.record import Kind
from ..tracing.sampler import HeadSampler
from . import forwarded
from .answering import Answering
from .door import Door
from .exchange import Application, Exchange, HttpRequest
from .recording import Recording

if TYPE_CHECKING:
    from ..tracing.tracer import ActiveSpan, Tracer

log = logging.getLogger("plait.gateway")
_NO_POLICY = ("",)
"""A gateway that no policy selects has no routes; no name at all would be a call inside the mesh."""

INGRESS_LIMIT = 15.0
"""Seconds for a request whose route sets no timeout (Envoy's own route default; Istio's is none)."""

_REQUEST_ID_LIMIT = 128


class GatewayOptions(msgspec.Struct, frozen=True):
    """How a gateway treats what comes in."""

    labels: dict[str, str] = msgspec.field(default_factory=lambda: {"istio": "ingressgateway"})
    """What the selectors of Gateway policies are held against."""
    debug: bool = False
    """Whether `x-plait-debug: 1` is answered with where the request went."""
    honour_sampling: bool = False
    """Whether a client's sampling decision is taken over."""
    trusted_hops: int = 0
    """Proxies in front whose `x-forwarded-for` and `x-forwarded-proto` are believed."""


class Gateway(Actor):
    """HTTP in, routed calls out. One listener stands for one port of the Gateway policies, or for all."""

    def __init__(
        self,
        proxy: Proxy,
        caller: Caller,
        listeners: Callable[["Gateway"], Sequence[Door]],
        sampler: HeadSampler,
        tracer: "Tracer",
        rng: random.Random,
        options: GatewayOptions = GatewayOptions(),  # noqa: B008 - frozen
        names: BaggageNames | None = None,
        recording: Recording | None = None,
    ) -> None:
        self._proxy = proxy
        self._caller = caller
        self._make_listeners = listeners
        self._sampler = sampler
        self._ratio = sampler.ratio
        self._tracer = tracer
        self._options = options
        self._names = names or BaggageNames()
        self._recording = recording
        self._rng = rng
        self._draw = self._rng.getrandbits
        self._chain = (caller.name,)
        self._meant = self._names.names | _CONTEXT
        if options.trusted_hops > 0:
            self._meant |= forwarded.FIELDS
        self._snapshot: Snapshot | None = None
        self._selected: tuple[str, ...] = ()
        self.listeners: Sequence[Door] = ()

    async def pre_start(self) -> None:
        """Listen.

        Raises:
            MeshError: a port is taken.
        """
        self.listeners = self._make_listeners(self)
        for listener in self.listeners:
            await listener.start()

    async def post_stop(self) -> None:
        """Stop listening; answer what is open, which takes as long as a request may take."""
        await asyncio.gather(*(listener.drain(INGRESS_LIMIT + 1.0) for listener in self.listeners))
        if self._recording is not None:
            await asyncio.to_thread(self._recording.log.close)

    def application(self, port: int | None) -> Application:
        """Return the application of the listener for one port of the Gateway policies (None: all of them)."""

        def serve(request: HttpRequest, exchange: Exchange) -> None:
            self.serve(request, exchange, port)

        return serve

    def serve(self, request: HttpRequest, exchange: Exchange, port: int | None) -> None:
        """Answer one request; returns at once, the answer comes when it comes."""
        headers, baggage = request.headers, {}
        outside = tracestate = ""
        passed = request.peer
        debug = False
        if self._proxy.snapshot is not self._snapshot:
            self._select()
        for name, _ in headers:
            if name in self._meant or (name[:2] == "x-" and name.startswith(_STRIPPED)):
                headers, special = self._sort(headers)
                baggage = self._baggage(special)
                outside, tracestate = special.get("traceparent", ""), special.get("tracestate", "")
                outside = outside or traceparent_of(special)
                debug = self._options.debug and special.get("x-plait-debug") == "1"
                if self._options.trusted_hops > 0:
                    hops = self._options.trusted_hops
                    request.peer, request.scheme, passed = forwarded.client(passed, request.scheme, special, hops)
                break
        if outside:
            traceparent, root, sampled = self._sampler.admit(
                outside, honour=self._options.honour_sampling, forced=debug
            )
            fresh = request_id(self._rng)
        else:
            root, sampled = True, self._sampler.sample() or debug
            traceparent, fresh = begin(self._rng, sampled)
        rid = baggage.get("x-request-id", "")
        if not rid or len(rid) > _REQUEST_ID_LIMIT or not rid.isprintable():
            rid = baggage["x-request-id"] = fresh
        if tracestate:
            tracestate = "" if root else limit_tracestate(tracestate)
        span: ActiveSpan | None = None
        if sampled:
            span = self._start_span(request, traceparent, tracestate, rid, root)
            if span is not None:
                traceparent = span.traceparent
        headers.append(("x-forwarded-for", passed))
        headers.append(("x-forwarded-proto", request.scheme))
        call = Call(
            self._caller,
            self._draw(63),
            "",
            request.method,
            request.path,
            request.query,
            request.authority,
            headers,
            request.body,
            baggage,
            traceparent,
            tracestate,
            self._chain,
            self._selected,
            port,
            request.scheme,
            None,
            None,
            INGRESS_LIMIT,
            client=request.peer,
        )
        answering = Answering(exchange, call, rid, debug, span)
        if self._recording is not None:
            answering.begun = self._recording.begin(request)
        running = self._proxy.start(call, answering.done)
        if not running.over:
            answering.running = running
            exchange.on_disconnect = answering.gone

    def _sort(self, headers: Headers) -> tuple[Headers, dict[str, str]]:
        """Part the headers that go on as they are from those that mean something to the mesh.

        `x-plait-*` and `x-envoy-*` of strangers are dropped: rules and services trust them.
        """
        plain: Headers = []
        special: dict[str, str] = {}
        for field in headers:
            name, value = field
            if name in self._meant:
                special[name] = f"{special[name]},{value}" if name in special else value
            elif name.startswith(_STRIPPED):
                if name == "x-plait-debug":
                    special[name] = value
            else:
                plain.append(field)
        return plain, special

    def _baggage(self, special: dict[str, str]) -> dict[str, str]:
        """The context that the client brought along: a header of a name beats the baggage header's member."""
        baggage = self._names.parse(special["baggage"]) if "baggage" in special else {}
        for name, value in special.items():  # in the client's order: a set's differs from process to process
            if name in self._names.names:
                baggage[name] = value
        return baggage

    def _select(self) -> None:
        """Look up, once per policy revision, which Gateway policies select this gateway, and its share of traces."""
        self._snapshot = self._proxy.snapshot
        table, labels = self._snapshot.table, self._options.labels
        self._selected = table.selected(labels) or _NO_POLICY
        percent = sampling(self._snapshot.rules.values(), self._caller.namespace, labels)
        self._sampler.ratio = self._ratio if percent is None else percent / 100.0

    def _start_span(
        self, request: HttpRequest, traceparent: str, tracestate: str, rid: str, root: bool
    ) -> "ActiveSpan | None":
        attributes: dict[str, str | int | float | bool] = {
            tag.HTTP_METHOD: (method := tag.method(request.method)),
            tag.METHOD: request.method,
            tag.URL_PATH: request.path,
            tag.URL_SCHEME: request.scheme,
            tag.SERVER_ADDRESS: request.authority,
            tag.CLIENT_ADDRESS: request.peer,
            tag.URL: f"{request.scheme}://{request.authority}{request.path}",
            tag.REQUEST_ID: rid,
            tag.PEER_ADDRESS: request.peer,
        }
        return self._tracer.start(method, Kind.SERVER, traceparent, tracestate, attributes, root=root)


_CONTEXT = frozenset({"traceparent", "tracestate", "baggage"}) | B3
_STRIPPED = ("x-plait-", "x-envoy-", "x-forwarded-for", "x-forwarded-proto")
