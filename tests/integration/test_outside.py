"""Callers from outside the mesh: plait.connect in scripts and web applications, and the README's own examples."""

import asyncio
import importlib.util
import re
import subprocess
import sys
import time
import types
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from opentelemetry import trace

import plait
from plait.actors import BadStatus, MeshError
from plait.actors.messages.error import (
    BusUnavailable,
    DeadlineExceeded,
    Disconnected,
    FaultInjected,
    NoEndpoints,
    UnknownActor,
)
from tests.integration.mesh import wait_for

pytestmark = pytest.mark.anyio

README = Path(__file__).parents[2] / "README.md"
FAULT = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - match: [{ headers: { end-user: { exact: jason } } }]
      fault: { abort: { percentage: { value: 100 }, httpStatus: 418 } }
      route: [{ destination: { host: ratings } }]
    - route: [{ destination: { host: ratings } }]
"""


class Details(msgspec.Struct):
    id: int
    author: str


def example(section, number=0):
    """A Python example of one section of the README."""
    text = README.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number]


@pytest.fixture
async def outside(mesh):
    async with plait.connect(mesh.nats, name="tests") as there:
        yield there


async def test_a_caller_from_outside_calls_as_a_service_does(outside):
    found = await outside.call("details", "/details/0", into=Details)
    assert (found.id, found.author) == (0, "William Shakespeare")
    assert (await outside.call("details.default.svc.cluster.local", "/details/0")).ok
    assert (await outside.call("details", "/nowhere")).status == 404
    with pytest.raises(BadStatus):
        await outside.call("details", "/nowhere", into=Details)
    with pytest.raises(NoEndpoints):
        await outside.call("nobody", "/")
    assert [one.version for one in outside.instances("details")] == ["v1"]
    assert outside.instances("nobody") == []


async def test_actors_are_told_and_asked_from_outside(mesh, outside):
    mesh.node("shop:shop", "--name", "outshop").ready()
    till = outside.find("outshop/shop/till")
    till.tell({"n": 1})
    assert await till.ask({"n": 3}, timeout=2.0) == 3
    with pytest.raises(UnknownActor, match="no actor shop/nobody"):
        await outside.find("outshop/shop/nobody").ask({"n": 3}, timeout=2.0)


async def test_policy_decides_about_its_calls_and_reaches_it_while_it_is_connected(outside, bus, eventually):
    async def faulty():
        try:
            await outside.call("ratings", "/ratings/0", headers={"End-User": "jason"})
        except FaultInjected as error:
            return error.status == 418
        return False

    assert not await faulty()
    await bus.apply(FAULT)
    await eventually(faulty, 3.0)
    assert (await outside.call("ratings", "/ratings/0")).ok


async def test_a_fault_of_attempts_ends_for_callers_from_outside_when_it_says(outside, bus, eventually):
    end = datetime.fromtimestamp(time.time() + 1.0, UTC).isoformat()
    spec = f"host: details, abort: {{httpStatus: 418}}, owner: me, reason: a test, expires: '{end}'"
    await bus.apply(f"apiVersion: plait.dev/v1\nkind: Fault\nmetadata: {{name: short}}\nspec: {{{spec}}}\n")

    async def answered():
        return (await outside.call("details", "/details/0")).status == 200

    assert not await answered()
    await eventually(answered, 5.0)


async def test_a_call_continues_the_span_that_opentelemetry_has(outside, bus, eventually):
    outer = trace.SpanContext(0xABC0 << 100, 0xD, is_remote=False, trace_flags=trace.TraceFlags(1))

    async def recorded():
        answer = await bus.ask("trace.show", {"id": f"{outer.trace_id:032x}"})
        return f"{outer.span_id:016x}" in str(answer) and "GET /details/" in str(answer)

    with trace.use_span(trace.NonRecordingSpan(outer)):
        await outside.call("details", "/details/0")
    await eventually(recorded, 5.0)


async def test_several_connections_live_side_by_side_and_end_apart(mesh):
    first, second = await asyncio.gather(plait.connect(mesh.nats), plait.connect(mesh.nats))
    await first.close()
    await first.close()
    with pytest.raises(BusUnavailable, match="is closed"):
        await first.call("details", "/details/0")
    with pytest.raises(BusUnavailable, match="is closed"):
        await first.emit("orders.created", 1)
    assert (await second.call("details", "/details/0")).ok
    await second.close()


async def test_calls_under_way_fail_when_the_connection_is_closed(mesh):
    mesh.node("events:Shipping")
    there = await plait.connect(mesh.nats)
    calls = [asyncio.create_task(there.call("shipping", "/waits")) for _ in range(3)]
    given_up = asyncio.create_task(there.call("shipping", "/waits"))
    await asyncio.sleep(0.1)
    given_up.cancel()
    await asyncio.wait_for(there.close(), 3.0)
    outcomes = await asyncio.wait_for(asyncio.gather(*calls, given_up, return_exceptions=True), 1.0)
    assert [type(one) for one in outcomes] == [Disconnected] * 3 + [asyncio.CancelledError]
    assert "closed while the call was under way" in str(outcomes[0])


async def test_another_event_loop_is_told_to_connect_itself(mesh, outside):
    def elsewhere():
        return asyncio.run(outside.call("details", "/details/0"))

    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        await asyncio.to_thread(elsewhere)

    async def own():
        async with plait.connect(mesh.nats) as there:
            return (await there.call("details", "/details/0")).status

    assert await asyncio.to_thread(lambda: asyncio.run(own())) == 200


async def test_where_there_is_no_bus_or_no_mesh_the_error_says_so(mesh, monkeypatch):
    monkeypatch.setenv("PLAIT_NATS_URL", "nats://me:secret@127.0.0.1:1")
    with pytest.raises(BusUnavailable, match=r"mesh 'default' cannot be reached: no NATS .*PLAIT_NATS_URL") as told:
        await plait.connect()
    assert "secret" not in str(told.value)
    with pytest.raises(DeadlineExceeded, match="mesh 'other' has no registry"):
        async with plait.connect(mesh.nats, "other", timeout=0.3):
            pass
    with pytest.raises(MeshError, match="client 'No Label'"):
        await plait.connect(mesh.nats, name="No Label")


async def test_the_readmes_examples_of_events_and_of_callers_from_outside_run(mesh, tmp_path):
    (tmp_path / "ordering.py").write_text(example("Events"))
    node = mesh.node("ordering:Orders", "ordering:Billing", PYTHONPATH=str(tmp_path))
    (tmp_path / "script.py").write_text(example("From outside the mesh"))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(tmp_path / "script.py")],
        env=mesh.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["200 {'number': 7}", "groups: 1", "instances: 1"]
    wait_for(lambda: "a bill for order 8" in node.out, 5.0, node.told)
    assert "a bill for order 7" in node.out


async def test_the_readmes_example_of_a_web_application_runs(mesh, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAIT_NATS_URL", mesh.nats)
    path = tmp_path / "site.py"
    path.write_text(example("From outside the mesh", 1))
    spec = importlib.util.spec_from_file_location("readme_site", path)
    site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site)
    app = types.SimpleNamespace(state=types.SimpleNamespace())
    async with site.lifespan(app):
        assert (await app.state.mesh.call("details", "/details/0")).ok
    with pytest.raises(BusUnavailable):
        await app.state.mesh.call("details", "/details/0")
