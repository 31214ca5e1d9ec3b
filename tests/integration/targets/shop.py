"""A supervised group of actors, one of which fails again and again."""

from typing import Any

from plait.actors import Actor, ChildSpec, Limits, Message, SupervisorSpec


class Add(Message):
    n: int


class Bad(Message):
    pass


class Cart(Actor):
    """Adds up, and breaks soon after each start."""

    total = 0

    async def post_start(self):
        self.timers.once("boom", 0.3, Bad())

    def receive(self, message: Add | Bad) -> Any:
        match message:
            case Add(n):
                self.total += n
                return self.total
            case Bad():
                raise RuntimeError("no stock")


class Till(Actor):
    """Takes what it is given."""

    def receive(self, message: Add) -> int:
        return message.n


shop = SupervisorSpec("shop", (ChildSpec("cart", Cart), ChildSpec("till", Till)), limits=Limits(2, 10.0))
