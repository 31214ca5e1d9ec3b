"""Random bytes on every subject of the mesh: refused, counted, told once in a while; nothing crashes."""

import asyncio
import random
import re

import nats
import pytest

from tests.integration.load import ask, load

pytestmark = pytest.mark.anyio

USED = {"call", "rsp", "cancel", "reg", "hb", "cp", "pol", "span", "policy", "registry"}
NOISE = 5
"""Random payloads for each subject."""


async def subjects_in_use(mesh, client) -> set[str]:
    """Every subject on which something is said while pages are asked for and verbs run, one of each shape."""
    seen: set[str] = set()
    payloads: list[bytes] = []

    async def take(message):
        seen.add(message.subject)
        payloads.append(message.data)

    subscription = await client.subscribe("plait.>", cb=take)
    await client.flush()
    async with load(mesh.http, "/productpage") as pages:
        await pages.more(30)
        await asyncio.to_thread(mesh.plait, "ls", "nodes")
        await asyncio.to_thread(mesh.plait, "get")
        await asyncio.sleep(0.5)
    await subscription.unsubscribe()
    shapes = {re.sub(r"\.\d+$", ".N", subject): subject for subject in sorted(seen)}
    return set(shapes.values())


def invented(instances) -> list[str]:
    """Subjects that are seldom used, and such that nobody uses."""
    found = []
    for one in instances:
        service, name = one["service"], one["id"]
        found += [f"call.{service}.{verb}.{name}.stranger" for verb in ("get", "post", "strange")]
        found += [f"cancel.{service}.{name}.stranger", f"rsp.{service}.{name}.x.1"]
        found += [f"reg.{step}.{service}.{name}" for step in ("join", "renew", "leave")]
        found += [f"hb.{one['node']}", f"actor.{one['node']}.stranger", f"nrsp.{one['node']}.stranger.x.1"]
        found += [f"span.{one['node']}", f"tap.{one['node']}", f"pol.ack.{one['node']}", f"cp.reg.{service}"]
    found += ["hb.nobody", "reg.join.x.y", "reg.leave.x.y", "cp.reg.x", "cp.pol.1", "cp.pol.999", "pol.ack.nobody"]
    found += ["reg.snapshot.stranger", "pol.snapshot.stranger", "health.reviews.x", "event.x", "dlq.x.y", "span.nobody"]
    found += [f"policy.{verb}" for verb in ("apply", "get", "delete", "history", "rollback", "status")]
    found += ["registry.resolve", "trace.ls", "trace.show"]
    return [f"plait.default.{subject}" for subject in dict.fromkeys(found)]


def payloads(rng: random.Random) -> list[bytes]:
    """Bytes of many lengths, deep nestings, and beginnings of what could be a message."""
    noise = [rng.randbytes(rng.choice((1, 3, 17, 200, 5000))) for _ in range(NOISE)]
    return [
        b"",
        *noise,
        b"[" * 5000,
        b"\x91" * 5000,
        b"\xdc\xff\xff\x01",
        b'{"kind": ',
        b"\x93\x01\xc0\xc0",
        b"\xff\xfe",
    ]


async def test_random_bytes_on_every_subject_harm_nobody(mesh, bus):
    rng = random.Random(20)
    client = await nats.connect(mesh.nats, allow_reconnect=False)
    try:
        targets = sorted({*await subjects_in_use(mesh, client), *invented(await bus.instances())})
        targets += ["$SRV.PING", "$SRV.INFO", "$SRV.STATS", "$SRV.INFO.reviews", "$SRV.PING.x.y"]
        assert {subject.split(".")[2] for subject in targets if subject.startswith("plait.")} >= USED
        before, pids, revision = await bus.instances(), mesh.pids(), await bus.revision()
        told = len(mesh.main.err)
        inbox = client.new_inbox()
        began = asyncio.get_running_loop().time()
        for subject in targets:
            for payload in payloads(rng):
                await client.publish(subject, payload, reply=rng.choice((inbox, "", "plait.default.cp.reg.x")))
        await client.flush()
        page = await ask(mesh.http, "/productpage")
        took = asyncio.get_running_loop().time() - began
        await asyncio.sleep(1.0)
        assert page.status == 200
        assert "Error fetching" not in page.body
        async with load(mesh.http, "/productpage") as pages:
            await pages.more(60)
        assert pages.failed == []
        assert all("Error fetching" not in page.body for page in pages.answers)
        assert mesh.pids() == pids, "no process ended"
        assert {one["id"] for one in await bus.instances()} == {one["id"] for one in before}
        assert await bus.revision() == revision
    finally:
        await client.close()
    metrics = (await ask(mesh.admin, "/metrics")).body
    counted = set(re.findall(r'^plait_undecodable_total\{source="([^"]+)"\} [1-9]', metrics, re.MULTILINE))
    assert counted >= {"registry", "policy", "traces", "registry replica", "policy replica"}
    lines = [line for line in mesh.main.err[told:].splitlines() if line.strip()]
    assert not [line for line in lines if "Traceback" in line or "exception" in line.lower()], lines[:5]
    assert len(lines) < 40 * (took + 3), f"{len(lines)} lines: {lines[:5]}"


async def test_a_question_that_is_no_json_is_answered_with_an_error(mesh, bus):
    for subject in ("policy.get", "policy.delete", "policy.rollback", "policy.history", "registry.resolve", "trace.ls"):
        for question in (b"\xff\xfe", b"[1]", b"{", b'{"kind": 3, "service": 3, "revision": "x", "limit": []}'):
            answer = await bus.ask(subject, question)
            assert answer.get("error") or answer.get("errors"), (subject, question, answer)
