"""Aborts by HTTP's and by gRPC's status, and routes counted under the name that a match gives them."""

import pytest

from tests.integration.load import ask

pytestmark = pytest.mark.anyio


def aborting(abort):
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: aborting }}
spec:
  hosts: [echo]
  http:
    - fault: {{ abort: {{ percentage: {{ value: 100 }}, {abort} }} }}
      route: [{{ destination: {{ host: echo }} }}]
"""


@pytest.mark.parametrize(
    ("abort", "status"),
    [("httpStatus: 418", 418), ("grpcStatus: UNAVAILABLE", 503), ("grpcStatus: RESOURCE_EXHAUSTED", 429)],
)
async def test_the_caller_gets_the_status_of_the_abort(world, abort, status):
    answer = await world.apply(aborting(abort))
    assert [one["code"] for one in answer.get("warnings", [])] == ["approximated"] * ("grpc" in abort)
    await world.apply(aborting(abort).replace("hosts: [echo]", "hosts: [echo.test]\n  gateways: [entrance]"))
    await world.bus.ask("policy.delete", {"kind": "VirtualService", "name": "echo"})
    assert (await world.ask("/", host="echo.test")).status == status


async def test_a_match_names_the_route_in_metrics(world):
    await world.apply("""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: counted }
spec:
  hosts: [counted.test]
  gateways: [entrance]
  http:
    - match:
        - { uri: { prefix: /a }, statPrefix: letters }
        - { uri: { prefix: /1 }, statPrefix: digits }
        - { uri: { prefix: /_ } }
      route: [{ destination: { host: echo } }]
""")
    for path in ("/a", "/a", "/1", "/_"):
        assert (await world.ask(path, host="counted.test")).status == 200
    metrics = (await ask(world.mesh.admin, "/metrics")).body
    lines = [line for line in metrics.splitlines() if line.startswith("plait_route_requests_total")]
    assert sorted(lines) == [
        'plait_route_requests_total{code="200",route="digits"} 1.0',
        'plait_route_requests_total{code="200",route="letters"} 2.0',
    ]
