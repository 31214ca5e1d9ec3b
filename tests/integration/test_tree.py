"""A node of plain actors in a real mesh: its supervision tree is seen from outside, with failures and escalation."""

import json

import pytest

from tests.integration.mesh import wait_for

pytestmark = [pytest.mark.anyio, pytest.mark.process]


async def test_a_crash_loop_is_seen_with_its_restarts_and_the_escalation_that_followed(mesh):
    node = mesh.node("shop:shop", "--name", "shopnode").ready()
    try:
        seen = []

        def escalated():
            done = mesh.plait("tree", "shopnode")
            seen.append(done.stdout + done.stderr)
            return "shop gave up: more than 2 restarts in 10 s" in done.stdout

        wait_for(escalated, 15.0, lambda: seen[-1])
        text = seen[-1]
        assert "cart: RuntimeError: no stock" in text
        assert "├── proxy  running" in text
        listed = mesh.plait("ls", "actors", "-o", "json")
        found = {one["address"]: one for one in json.loads(listed.stdout)["items"]}
        assert found["shopnode/shop"]["restarts"] >= 1
        assert found["shopnode/shop/till"]["kind"] == "actor"
        described = mesh.plait("describe", "actor/shopnode/shop/cart")
        assert "RuntimeError: no stock" in described.stdout
        assert mesh.plait("describe", "actor/shopnode/nobody").returncode == 4
        assert mesh.plait("tree", "nowhere").returncode == 4
        assert mesh.plait("describe", "shopnode").returncode == 2
    finally:
        assert node.end() == 0
