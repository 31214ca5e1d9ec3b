"""One call into the mesh from outside a node: connect, learn who is there and by which rules, call, leave."""

import asyncio
import random
import secrets

from ..actors.bus import lean
from ..actors.bus.ask import Asker
from ..actors.loop.timer import Deadlines
from ..actors.messages.envelope import Headers, ReplyFrame
from ..actors.messages.error import MeshError
from ..actors.messages.name import service_token
from ..actors.messages.subject import Subjects
from ..actors.proxy.call import Call, Caller
from ..actors.proxy.proxy import Instances, Proxy
from ..actors.proxy.revision import PolicyFollower
from ..actors.proxy.wire import Wire
from ..actors.table.follower import Follower
from ..tracing.context import new_traceparent, request_id


class _Silent:
    """Observes nothing: one call makes no statistics."""

    def answered(self, call: Call, reply: ReplyFrame, seconds: float) -> None:
        """Nothing."""

    def failed(self, call: Call, error: MeshError, seconds: float) -> None:
        """Nothing."""


async def call(
    url: str,
    mesh: str,
    service: str,
    method: str,
    path: str,
    headers: Headers,
    body: bytes,
    *,
    timeout: float,
) -> tuple[int, Headers, bytes]:
    """Call `service` as any node would, by the routes inside the mesh; return status, headers and body.

    Raises:
        MeshError: there is no bus, no registry, or no answer of the service.
    """
    rng = random.Random()
    loop = asyncio.get_running_loop()
    name = f"cli-{secrets.token_hex(6)}"
    token = service_token(service)
    bus = await lean.connect(url, f"plait {name}", rng=rng)
    deadlines = Deadlines(loop)
    try:
        subjects = Subjects(mesh)
        asker = Asker(bus, subjects, name, deadlines)
        wire = Wire(bus, subjects, deadlines)
        proxy = Proxy(wire, deadlines, rng, loop.time, _Silent())
        caller = Caller(name)
        wire.open(caller)
        registry = Follower(
            asker, "reg", "registry", lambda changes, whole: proxy.receive(Instances(changes, whole)), rng
        )
        policy = PolicyFollower(asker, "", proxy.prepare, proxy.activate, rng)
        registry.start()
        policy.start()
        try:
            await registry.ready(min(timeout, 3.0))
            await policy.ready(min(timeout, 3.0))
            where, _, query = path.partition("?")
            plain: Headers = [(key.lower(), value) for key, value in headers]
            baggage = {key: value for key, value in plain if key in ("end-user", "x-request-id")}
            baggage.setdefault("x-request-id", request_id(rng))
            one = Call(
                caller, rng.getrandbits(63), token, method, where, query, service, plain, body, baggage,
                new_traceparent(rng, sampled=True),
            )  # fmt: skip
            one.limit = loop.time() + timeout
            reply = await proxy.send(one)
            return reply.status, reply.headers, reply.body
        finally:
            await registry.stop()
            await policy.stop()
            asker.close()
    finally:
        await bus.close()
        deadlines.close()
