"""What clients outside the mesh may say about overload, and what they hear of it: on a simulated mesh."""

import asyncio

from plait.actors import Service, get
from plait.testing import simulate
from tests.integration.documents import entrance


class Told(Service, name="told"):
    @get("/")
    async def say(self):
        return self.baggage.get("x-plait-priority", "none")


ABSURD = {
    "x-plait-priority": "critical",
    "baggage": "x-plait-priority=critical",
    "x-envoy-ratelimited": "true",
    "retry-after": "9" * 4000,
}
ROUTE = "http: [{ route: [{ destination: { host: told } }] }]"
SAID = ROUTE.replace("{ route", "{ headers: { request: { set: { x-plait-priority: sheddable } } }, route")
LIMIT = """
apiVersion: plait.dev/v1
kind: RateLimit
metadata: {name: told}
spec: {host: told, limits: [{requests: 2, per: 10s, burst: 1, key: {clientAddress: true}}]}
"""


def test_clients_do_not_say_how_much_they_matter_and_routes_do():
    async def scenario(sim):
        believed = (await sim.get("http://told.test/", ABSURD)).body
        await sim.apply(entrance("told").replace(ROUTE, SAID))
        return believed, (await sim.get("http://told.test/", ABSURD)).body

    assert simulate(scenario, services=(Told,), policy=(entrance("told"),)).result == (b"none", b"sheddable")


def test_a_limited_client_hears_429_and_when_to_come_back():
    async def scenario(sim):
        first = await sim.get("http://told.test/")
        second = await sim.get("http://told.test/")
        await asyncio.sleep(5.0)
        return first.status, second, (await sim.get("http://told.test/")).status

    first, refused, later = simulate(scenario, services=(Told,), policy=(entrance("told"), LIMIT)).result
    assert (first, refused.status, later) == (200, 429, 200)
    assert refused.header("retry-after") == "5"
    assert refused.header("x-ratelimit-limit") == "2, 2;w=10"
    assert refused.json()["error"]["cause"] == "rate_limited"
