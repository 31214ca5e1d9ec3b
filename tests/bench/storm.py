"""`python -m tests.bench.storm`: an outage at the end of a chain of four calls, each hop trying three times.

Nodes on a bus in memory, in virtual time: how often the failing service is called does not depend on the machine.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from plait.actors import Response, Service, get
from plait.actors.messages.rule import Destination, DestinationPolicy, RetryPolicy, RouteRule, RuleSet
from plait.actors.messages.traffic import RetryBudget, TrafficPolicy
from plait.actors.proxy.budget import Budget
from plait.actors.runtime.purse import Purse
from tests.nodes import Network
from tests.virtual_loop import VirtualLoop

RATE = 500
"""Requests per second."""
HOPS = ("one", "two", "three", "four")


class Hop(Service, name="one"):
    """Calls the next one and passes on what comes of it."""

    further = "two"

    @get("/")
    async def pass_on(self) -> Response:
        reply = await self.call(self.further, "/")
        return Response(reply.body, reply.status)


class Two(Hop, name="two"):
    further = "three"


class Three(Hop, name="three"):
    further = "four"


class Four(Service, name="four"):
    """Always fails."""

    called = 0

    @get("/")
    def fail(self) -> Response:
        Four.called += 1
        return Response(b"", 503)


@contextmanager
def unbounded(*, budgets: bool, tokens: bool) -> Iterator[None]:
    """Switch off what bounds retries."""
    with ExitStack() as stack:
        if budgets:
            stack.enter_context(mock.patch.object(Budget, "take", return_value=True))
        if tokens:
            stack.enter_context(mock.patch.object(Purse, "spend", return_value=True))
            stack.enter_context(mock.patch.object(Purse, "spent", 0))
        yield


async def attempts(requests: int) -> float:
    """Send so many requests; return how often each reached the failing service, on average."""
    network = Network()
    gateway = network.node("gateway")
    for number, kind in enumerate((Hop, Two, Three, Four)):
        await network.node(f"node-{number}", seed=number).host(kind)
    rules = [
        rule
        for name in HOPS
        for rule in (
            RuleSet(
                f"default/{name}",
                (f"{name}.default.svc.cluster.local",),
                routes=(RouteRule(destinations=(Destination(name),), retries=RetryPolicy(2, on=("5xx",))),),
            ),
            DestinationPolicy(f"default/{name}", name, TrafficPolicy(budget=RetryBudget(20.0, 0))),
        )
    ]
    for node in network.nodes:
        node.rules(*rules)
    Four.called = 0
    pending = []
    for _ in range(requests):
        pending.append(asyncio.ensure_future(gateway.send("one")))
        await asyncio.sleep(1 / RATE)
    replies = await asyncio.gather(*pending)
    assert all(reply.status == 503 for reply in replies)
    await network.close()
    return Four.called / requests


def played(requests: int) -> float:
    """Play it in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(attempts(requests))
    finally:
        loop.close()


def main(requests: int) -> None:
    """Print a line for each way of bounding retries."""
    for name, budgets, tokens, count in (
        ("nothing bounds retries", True, True, min(requests, 100)),
        ("tokens and `spent` of requests alone", True, False, requests // 4),
        ("budgets of destinations alone", False, True, requests),
        ("both, as it is", False, False, requests),
    ):
        with unbounded(budgets=budgets, tokens=tokens):
            print(f"{name:<40} {played(count):6.2f} calls of the failing service per request ({count})", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    main(parser.parse_args().requests)
