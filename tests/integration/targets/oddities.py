"""Services that misbehave or look closely, for nodes that tests start."""

import asyncio
import os
import time

from plait.actors import Request, Service, get


class Fragile(Service, name="fragile"):
    """Raises at one path, answers at another."""

    @get("/raise")
    def fails(self, request: Request) -> str:
        raise RuntimeError("the fragile service broke")

    @get("/raise-later")
    async def fails_later(self, request: Request) -> str:
        await self.sleep(0.001)
        raise RuntimeError("the fragile service broke later")

    @get("/fine")
    def fine(self, request: Request) -> str:
        return f"fine {os.getpid()}"


class Phoenix(Service, name="phoenix", restart_on_error=True):
    """Ends its life with every error, and counts since when it lives."""

    async def pre_start(self) -> None:
        self.served = 0

    @get("/raise")
    def fails(self, request: Request) -> str:
        raise RuntimeError("the phoenix burns")

    @get("/count")
    def count(self, request: Request) -> int:
        self.served += 1
        return self.served


class Stillborn(Service, name="stillborn"):
    """Cannot start."""

    async def pre_start(self) -> None:
        raise RuntimeError("no such database")


class Slow(Service, name="slow"):
    """Takes its time."""

    @get("/work")
    async def work(self, request: Request) -> str:
        await self.sleep(1.0)
        return "done"


class Punctual(Service, name="punctual"):
    """Notes of every call whether it began after the deadline that its caller set, by the machine's one clock."""

    async def pre_start(self) -> None:
        self.ran, self.late = 0, 0

    def _note(self, request: Request) -> None:
        self.ran += 1
        self.late += time.monotonic() > float(request.headers["x-deadline"])

    @get("/inline")
    def inline(self, request: Request) -> str:
        self._note(request)
        return "done"

    @get("/waiting")
    async def waiting(self, request: Request) -> str:
        self._note(request)
        await asyncio.sleep(0)
        return "done"

    @get("/counts")
    def counts(self, request: Request) -> dict[str, int]:
        return {"ran": self.ran, "late": self.late}


NOT_A_SERVICE = "plait"


class Reserved(Service, name="plait-gateway"):
    """Takes the name of one of the mesh's own roles."""
