"""Services that tell what they were sent, and one that fails as often as it is told."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from plait.actors import Request, Response, Service, check, get, post, route
from plait.actors.messages.error import FaultInjected, NoEndpoints, NoRoute


def all_of(*templates: str) -> Callable[[Any], Any]:
    """Handle every method on each of these."""

    def mark(function: Any) -> Any:
        for template in templates:
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
                function = route(method, template)(function)
        return function

    return mark


class Echo(Service, name="echo", version="v1"):
    """Answers with the request as it came, and remembers it."""

    seen: ClassVar[list[dict[str, Any]]] = []
    """What this version was sent, as it came."""

    @all_of("/")
    def none(self, request: Request) -> Response:
        return self._tell(request)

    @all_of("/{a}")
    def one(self, request: Request, a: str) -> Response:
        return self._tell(request)

    @all_of("/{a}/{b}")
    def two(self, request: Request, a: str, b: str) -> Response:
        return self._tell(request)

    @all_of("/{a}/{b}/{c}")
    def three(self, request: Request, a: str, b: str, c: str) -> Response:
        return self._tell(request)

    def _tell(self, request: Request) -> Response:
        told = {
            "service": self.name,
            "version": self.version,
            "instance": self.hosting.instance.id,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "authority": request.authority,
            "headers": dict(request.headers),
        }
        self.seen.append(told)
        return Response(told, headers=[("x-echo", self.version)])


class EchoTwo(Echo, name="echo", version="v2"):
    """The second version."""

    seen: ClassVar[list[dict[str, Any]]] = []


class Sharded(Echo, name="sharded"):
    """The same with several instances."""

    seen: ClassVar[list[dict[str, Any]]] = []


class Placed(Echo, name="placed"):
    """The same at several places; it is ill while there is a file of its node's name in the folder `ILL`."""

    seen: ClassVar[list[dict[str, Any]]] = []

    @check(interval=0.05, failures=1)
    def well(self) -> bool:
        return not Path(os.environ["ILL"], self.hosting.instance.node).exists()


class Leaving(Placed, name="leaving"):
    """The same; it answers 503 while there is a file of its node's name and `-leaves`."""

    def _tell(self, request: Request) -> Response:
        if Path(os.environ["ILL"], f"{self.hosting.instance.node}-leaves").exists():
            return Response({}, 503)
        return super()._tell(request)


class Departing(Leaving, name="departing"):
    """The same for another test: ejections last."""

    seen: ClassVar[list[dict[str, Any]]] = []


class Memory(Service, name="memory"):
    """Tells what each version of the echo was sent; it runs in the echoes' own process."""

    @get("/{version}")
    def told(self, version: str) -> list[dict[str, Any]]:
        return {"v1": Echo, "v2": EchoTwo}[version].seen

    @post("/")
    def forget(self) -> dict[str, Any]:
        Echo.seen.clear()
        EchoTwo.seen.clear()
        return {}


class Flaky(Service, name="flaky"):
    """Fails so often for each key, then answers."""

    tries: ClassVar[dict[str, int]] = {}

    @get("/fails/{key}/{failures}/{status}")
    @post("/fails/{key}/{failures}/{status}")
    def answer(self, key: str, failures: int, status: int) -> Response:
        self.tries[key] = tries = self.tries.get(key, 0) + 1
        return Response({"tries": tries}, status if tries <= failures else 200)

    @get("/hangs/{key}/{failures}")
    @post("/hangs/{key}/{failures}")
    async def hang(self, key: str, failures: int) -> dict[str, int]:
        self.tries[key] = tries = self.tries.get(key, 0) + 1
        if tries <= failures:
            await asyncio.sleep(20)
        return {"tries": tries}

    @get("/tries/{key}")
    def told(self, key: str) -> dict[str, int]:
        return {"tries": self.tries.get(key, 0)}


class Httpbin(Service, name="httpbin"):
    """What Istio's tasks call: a service that takes some milliseconds."""

    @get("/get")
    async def url(self) -> dict[str, str]:
        await asyncio.sleep(0.005)
        return {"url": "/get"}

    @get("/status/{code}")
    def status(self, code: int) -> Response:
        return Response(b"", code)


class Front(Service, name="front"):
    """Calls on behalf of who asks: `/call/echo/path` calls `/path` of the echo."""

    @all_of("/call/{service}/")
    async def none(self, request: Request, service: str) -> Response:
        return await self._ask(request, service)

    @all_of("/call/{service}/{a}")
    async def one(self, request: Request, service: str, a: str) -> Response:
        return await self._ask(request, service)

    @all_of("/call/{service}/{a}/{b}/{c}")
    async def three(self, request: Request, service: str, a: str, b: str, c: str) -> Response:
        return await self._ask(request, service)

    @all_of("/call/{service}/{a}/{b}")
    async def two(self, request: Request, service: str, a: str, b: str) -> Response:
        return await self._ask(request, service)

    @all_of("/call/{service}/{a}/{b}/{c}/{d}")
    async def four(self, request: Request, service: str, a: str, b: str, c: str, d: str) -> Response:
        return await self._ask(request, service)

    async def _ask(self, request: Request, service: str) -> Response:
        path = "/" + request.path.split("/", 3)[3]
        if request.query:
            path += f"?{urlencode(request.query)}"
        try:
            reply = await self.call(service, path, method=request.method, headers=request.headers.fields)
        except NoRoute as error:
            return Response(str(error), 404)
        except NoEndpoints as error:
            return Response(str(error), 503)
        except FaultInjected as error:
            return Response("fault filter abort", error.status)
        kept = [field for field in reply.headers.fields if field[0] not in ("content-type", "content-length")]
        return Response(reply.body, reply.status, kept)


class Caller(Front, name="caller"):
    """The same at a place of its own."""


class FrontOfShop(Front, name="front", namespace="shop", labels={"tier": "web"}):
    """The same in another namespace."""
