"""Two services that want the same events, and tell what they handled by events of their own."""

import os
import signal

import msgspec

from plait.actors import Service, get, on


class Ordered(msgspec.Struct):
    number: int


class Handled(msgspec.Struct):
    service: str
    instance: str
    pid: int
    number: int


class Billing(Service, name="billing"):
    """Gets each order once, whichever instance it is."""

    @on("orders.created")
    async def ordered(self, event: Ordered) -> None:
        await self.emit("orders.handled", Handled(self.name, self.instance, os.getpid(), event.number))


class Shipping(Service, name="shipping"):
    """Gets each order once, too; it can be told to die of the next one."""

    @on("orders.created")
    async def ordered(self, event: Ordered) -> None:
        await self.emit("orders.handled", Handled(self.name, self.instance, os.getpid(), event.number))

    @on("orders.cursed")
    async def cursed(self, event: Ordered) -> None:
        await self.emit("orders.handled", Handled(self.name, self.instance, os.getpid(), event.number))
        await self.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)

    @get("/waits")
    async def waits(self) -> str:
        await self.sleep(30.0)
        return "late"
