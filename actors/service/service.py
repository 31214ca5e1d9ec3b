"""The class that users subclass: a service is an actor whose messages are HTTP-shaped calls."""

import asyncio
import random
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload
from urllib.parse import quote

import msgspec

from ...tracing.context import new_traceparent
from ...tracing.record import Kind
from ..loop.timer import sleep_until
from ..messages.envelope import Flag, Headers, ReplyFrame
from ..messages.error import BadReply, BadStatus
from ..messages.instance import Instance
from ..messages.name import label, service_token
from ..proxy.call import Call, Caller
from ..proxy.proxy import Proxy
from ..proxy.wire import resolver
from ..runtime.actor import Actor
from ..runtime.context import current
from .context import Baggage
from .handling import handle
from .response import JSON, Reply, encode_json
from .route import Router, router_of

if TYPE_CHECKING:
    from ...tracing.tracer import ActiveSpan, Tracer

T = TypeVar("T")
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"
_PASSED_ON = ~int(Flag.HEDGE)
_plain = re.compile(r"[A-Za-z0-9/%:@!$&'()*+,;=._~-]*").fullmatch
_token = lru_cache(maxsize=1024)(service_token)


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}  # as many as the program writes types after `into=`


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


class Hosting(msgspec.Struct, frozen=True, eq=False):
    """What a node gives to a service that it runs."""

    instance: Instance
    caller: Caller
    proxy: Proxy
    tracer: "Tracer"

    def serve(
        self, name: str, traceparent: str, tracestate: str, attributes: Mapping[str, str | int | float | bool]
    ) -> "ActiveSpan | None":
        """Start the span of a call that is served here; None where it is not sampled."""
        return self.tracer.start(name, Kind.SERVER, traceparent, tracestate, attributes)


class Service(Actor):
    """A named service of the mesh.

    Class arguments: `name` (a subclass without one is only a base), `version`, `namespace`, `labels`, `concurrency`
    (calls handled at a time), `mailbox` (calls that may wait beyond those), `restart_on_error` (a handler that raises
    ends this life of the service; by default it only fails its call).
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "v1"
    namespace: ClassVar[str] = "default"
    labels: ClassVar[Mapping[str, str]] = {}
    concurrency: ClassVar[int] = 256
    mailbox: ClassVar[int] = 1000
    restart_on_error: ClassVar[bool] = False
    router: ClassVar[Router]

    hosting: Hosting

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
        }
        for key, value in given.items():
            if value is not None:
                setattr(cls, key, value)
        cls.router = router_of(cls)

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

    # Calling others

    @overload
    async def call(
        self, service: str, path: str, *, method: str = ..., headers: Mapping[str, str] | None = ...,
        body: bytes = ..., json: Any = ..., timeout: float | None = ..., into: None = ...,
    ) -> Reply: ...  # fmt: skip

    @overload
    async def call(
        self, service: str, path: str, *, method: str = ..., headers: Mapping[str, str] | None = ...,
        body: bytes = ..., json: Any = ..., timeout: float | None = ..., into: type[T],
    ) -> T: ...  # fmt: skip

    async def call(
        self,
        service: str,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        json: Any = None,
        timeout: float | None = None,
        into: type[Any] | None = None,
    ) -> Any:
        """Call another service by its name; trace, deadline, baggage and policy revision travel along.

        Args:
            service: `name`, `name.namespace` or a full host name.
            path: with the query, if any.
            timeout: seconds for everything, retries and injected faults too; a route's own timeout lies within.
            into: decode the JSON of a 2xx answer to this type; other answers raise `BadStatus`.

        Raises:
            MeshError: there is no answer of the service; `DeadlineExceeded` when `timeout` has ended.
            BadStatus, BadReply: with `into`, an answer whose status is not 2xx, or whose body is not of that type.
        """
        hosting = self.hosting
        context = current.get(None)
        fields: Headers = [(k.lower(), v) for k, v in headers.items()] if headers else []
        if json is not None:
            body = encode_json(json)
            fields.append(("content-type", JSON))
        path, _, query = path.partition("?")
        call = Call(
            hosting.caller,
            self.rng.getrandbits(63),
            _token(service, self.namespace),
            method.upper(),
            path if _plain(path) else quote(path, safe=_PATH_SAFE),
            query,
            service,
            fields,
            body,
            dict(context.baggage) if context is not None else {},
            context.traceparent if context is not None else new_traceparent(self.rng, sampled=False),
        )
        if context is not None:
            frame = context.frame
            call.tracestate, call.chain, call.expires = frame.tracestate, context.chain, context.expires
            call.revision, call.flags = frame.revision, frame.flags & _PASSED_ON
        if timeout is not None:
            call.limit = self.clock() + timeout
        answer: asyncio.Future[ReplyFrame] = self.surroundings.loop.create_future()
        running = hosting.proxy.start(call, resolver(answer))
        try:
            reply = Reply(await answer)
        finally:
            running.cancel()
        if into is None:
            return reply
        if not reply.ok:
            raise BadStatus(reply.status, reply.body)
        try:
            return _decoder(into).decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadReply(f"{service}{path} did not answer with a {into.__name__}: {error}") from error

    # Being called

    def receive(self, message: Any) -> Any:
        """Handle one call; the runtime calls this."""
        return handle(self, message)
