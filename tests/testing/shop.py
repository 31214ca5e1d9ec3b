"""Small services that tests of the simulator run."""

import asyncio

from plait.actors import Response, Service, get, on, post


class Greeter(Service, name="greeter"):
    @get("/hello")
    async def hello(self):
        reply = await self.call("namer", "/name")
        return {"hello": reply.body.decode()}


class Namer(Service, name="namer"):
    @get("/name")
    async def name_it(self):
        await self.sleep(0.01 * self.rng.random())
        return "world"


class Counter(Service, name="counter"):
    """Counts what it is asked to, and remembers what it was told."""

    async def pre_start(self):
        self.count, self.heard = 0, []

    @post("/count")
    async def add(self):
        self.count += 1
        return {"count": self.count}

    @get("/count")
    async def total(self):
        return {"count": self.count, "heard": self.heard}

    @get("/slow")
    async def slow(self):
        await self.sleep(5.0)
        return Response(b"at last")

    @get("/deaf")
    async def deaf(self):
        """Goes on whoever cancels it."""
        for _ in range(100):
            try:
                await self.sleep(0.1)
            except asyncio.CancelledError:
                continue
        return "done"

    @on("things.happened")
    async def note(self, number: int):
        self.heard.append(number)
