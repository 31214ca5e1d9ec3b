"""`plait fault`: put in, listed, met by retries over HTTP, warned of, taken out, and over by itself."""

import json

import pytest

from tests.integration.load import ask

pytestmark = pytest.mark.anyio

RETRIES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: attempts }
spec:
  hosts: [httpbin.test]
  gateways: [entrance]
  http:
    - route: [{ destination: { host: httpbin } }]
      retries: { attempts: 2, retryOn: 5xx }
"""


async def test_it_strikes_each_attempt_until_it_is_taken_out(world):
    await world.apply(RETRIES)
    mesh = world.mesh
    put = mesh.plait(
        "fault", "add", "httpbin", "--abort", "503", "--for", "5m", "--reason", "game day", "--owner", "ann"
    )
    assert put.returncode == 0, put.stderr
    answer = await world.ask("/get", host="httpbin.test")
    assert (answer.status, answer.headers["x-plait-fault"]) == (503, "default/httpbin-abort")
    line = 'plait_fault_strikes_total{destination="httpbin",fault="default/httpbin-abort"} 3.0'
    assert line in (await ask(mesh.admin, "/metrics")).body.splitlines()
    (listed,) = json.loads(mesh.plait("fault", "ls", "-o", "json").stdout)["items"]
    assert (listed["spec"]["owner"], listed["spec"]["reason"]) == ("ann", "game day")
    assert "faults put in on purpose: httpbin-abort" in mesh.plait("status").stderr
    assert mesh.plait("fault", "rm", "httpbin-abort").returncode == 0
    assert (await world.ask("/get", host="httpbin.test")).status == 200
    assert mesh.plait("fault", "rm", "httpbin-abort").returncode == 4


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (["--drop"], 2),
        (["--drop", "--for", "25h", "--reason", "x"], 2),
        (["--drop", "--for", "5", "--reason", "x"], 2),
        (["--for", "5m", "--reason", "x"], 3),
        (["--partition", "--for", "5m", "--reason", "x"], 3),
        (["--drop", "--abort", "503", "--for", "5m", "--reason", "x"], 3),
    ],
)
async def test_what_makes_no_sense_is_refused(world, said, status):
    assert world.mesh.plait("fault", "add", "httpbin", *said).returncode == status
    assert json.loads(world.mesh.plait("fault", "ls", "-o", "json").stdout)["items"] == []
