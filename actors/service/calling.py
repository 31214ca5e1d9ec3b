"""What may call the mesh's services and emit events: the one place for services and for callers from outside."""

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar, overload
from urllib.parse import quote

from ...tracing.context import new_traceparent
from ..messages.envelope import Flag, Headers, ReplyFrame
from ..messages.error import BadReply
from ..messages.name import called_token
from ..messages.name import topic as checked_topic
from ..proxy.call import Call, Caller
from ..proxy.degraded import joined
from ..proxy.event import EVENT, LIMIT
from ..proxy.proxy import Proxy
from ..proxy.wire import resolver
from ..runtime.context import current
from ..runtime.surroundings import Surroundings
from .response import JSON, Reply, Response, encode_json

T = TypeVar("T")
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"
_PASSED_ON = ~int(Flag.HEDGE)
_plain = re.compile(r"[A-Za-z0-9/%:@!$&'()*+,;=._~-]*").fullmatch


@lru_cache(maxsize=1024)
def _address(service: str, namespace: str) -> tuple[str, int | None]:
    """The token of what is called, and its port where `service` names one: `www.example.com:8080`."""
    host, colon, port = service.rpartition(":")
    if colon and "." in host and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return called_token(host, namespace), int(port)
    return called_token(service, namespace), None


class Outlet(Protocol):
    """By whom and through what calls are made."""

    @property
    def caller(self) -> Caller: ...

    @property
    def proxy(self) -> Proxy: ...


Out = TypeVar("Out", bound=Outlet)


class Calling(Generic[Out]):
    """Calls and events of a service's instance, or of a connection from outside."""

    namespace: ClassVar[str] = "default"
    hosting: Out

    @property
    def surroundings(self) -> Surroundings:
        """Time, chance and timers."""
        raise NotImplementedError

    def _origin(self, headers: Headers) -> tuple[dict[str, str], str, str]:
        """Return baggage, traceparent and tracestate of a call that begins here, outside of any other call."""
        return {}, new_traceparent(self.surroundings.rng, sampled=False), ""

    @overload
    async def call(
        self, service: str, path: str, *, method: str = ..., headers: Mapping[str, str] | Headers | None = ...,
        body: bytes = ..., json: Any = ..., timeout: float | None = ..., into: None = ...,
    ) -> Reply: ...  # fmt: skip

    @overload
    async def call(
        self, service: str, path: str, *, method: str = ..., headers: Mapping[str, str] | Headers | None = ...,
        body: bytes = ..., json: Any = ..., timeout: float | None = ..., into: type[T],
    ) -> T: ...  # fmt: skip

    async def call(
        self,
        service: str,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | Headers | None = None,
        body: bytes = b"",
        json: Any = None,
        timeout: float | None = None,
        into: type[Any] | None = None,
    ) -> Any:
        """Call another service by its name; trace, deadline, baggage and policy revision travel along.

        Args:
            service: `name`, `name.namespace` or a full host name; of a ServiceEntry also `host:port`.
            path: with the query, if any.
            headers: by name, or a list of pairs where a name comes more than once.
            timeout: seconds for everything, retries and injected faults too; a route's own timeout lies within.
            into: decode the JSON of a 2xx answer to this type; other answers raise `BadStatus`.

        Raises:
            MeshError: there is no answer of the service; `DeadlineExceeded` when `timeout` has ended.
            BadStatus, BadReply: with `into`, an answer whose status is not 2xx, or whose body is not of that type.
        """
        around, hosting = self.surroundings, self.hosting
        context = current.get(None)
        fields: Headers = []
        if headers:
            fields = [(k.lower(), v) for k, v in (headers if isinstance(headers, list) else headers.items())]
        if json is not None:
            body = encode_json(json)
            fields.append(("content-type", JSON))
        path, _, query = path.partition("?")
        token, port = _address(service, self.namespace)
        if context is None:
            baggage, traceparent, tracestate = self._origin(fields)
        else:
            baggage, traceparent, tracestate = dict(context.baggage), context.traceparent, context.frame.tracestate
        call = Call(
            hosting.caller,
            around.rng.getrandbits(63),
            token,
            method.upper(),
            path if _plain(path) else quote(path, safe=_PATH_SAFE),
            query,
            service,
            fields,
            body,
            baggage,
            traceparent,
            tracestate,
            port=port,
        )
        if context is not None:
            frame = context.frame
            call.chain, call.expires = context.chain, context.expires
            call.revision, call.flags = frame.revision, frame.flags & _PASSED_ON
            call.purse = context.lending()
        if timeout is not None:
            call.limit = around.clock() + timeout
        answer: asyncio.Future[ReplyFrame] = around.loop.create_future()
        running = hosting.proxy.start(call, resolver(answer))
        try:
            told = await answer
        finally:
            running.cancel()
        if told.degraded and context is not None:
            context.degraded = joined(context.degraded, told.degraded)
        reply = Reply(told)
        if into is None:
            return reply
        try:
            return reply.read(into)
        except BadReply as error:
            raise BadReply(f"{service}{path}: {error}") from error

    async def emit(self, topic: str, event: Any, *, timeout: float = LIMIT) -> int:
        """Send an event to every group that is interested in its topic, at most once; trace and baggage travel along.

        Returns when it is on its way, not when it is handled: handlers that fail, or take long, are not seen here.

        Args:
            topic: dot-joined words, `orders.created`.
            event: a struct, dict or list goes as JSON, text and bytes as they are.
            timeout: seconds in which a handler has to be reached and to be done; the deadline of the call in hand does
                not bound what an event leads to.

        Returns:
            How many groups it was sent to; of those that want it for each instance, each counts.

        Raises:
            InvalidName: the topic is none.
            BusUnavailable, TooLarge: nothing was sent.
        """
        around, hosting = self.surroundings, self.hosting
        context = current.get(None)
        made = Response(event)
        if context is None:
            baggage, traceparent, tracestate = self._origin(made.headers)
        else:
            baggage, traceparent, tracestate = dict(context.baggage), context.traceparent, context.frame.tracestate
        sent = Call(
            hosting.caller, 0, "", EVENT, checked_topic(topic), "", topic, made.headers, made.body, baggage,
            traceparent, tracestate, limit=around.clock() + timeout,
        )  # fmt: skip
        if context is not None:
            frame = context.frame
            sent.revision, sent.flags = frame.revision, frame.flags & _PASSED_ON
            # Instances only: they bound circles of events. Nobody waits, so an actor among them may well be asked.
            sent.chain = tuple(one for one in context.chain if "/" not in one)
        shown = encode_json(event) if isinstance(event, str | bytes) else made.body
        return hosting.proxy.emitter.emit(sent, shown)
