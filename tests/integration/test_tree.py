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
        found = {}

        def restarted():  # the supervisor above waits a moment before it starts the shop again
            listed = mesh.plait("ls", "actors", "-o", "json")
            found.update({one["address"]: one for one in json.loads(listed.stdout)["items"]})
            return found["shopnode/shop"]["restarts"] >= 1

        wait_for(restarted, 15.0, lambda: str(found))
        assert found["shopnode/shop/till"]["kind"] == "actor"
        described = []

        def failed_again():  # the shop that was started again has a new cart, which fails in its turn
            described.append(mesh.plait("describe", "actor/shopnode/shop/cart").stdout)
            return "RuntimeError: no stock" in described[-1]

        wait_for(failed_again, 15.0, lambda: described[-1])
        assert mesh.plait("describe", "actor/shopnode/nobody").returncode == 4
        assert mesh.plait("tree", "nowhere").returncode == 4
        assert mesh.plait("describe", "shopnode").returncode == 2
    finally:
        assert node.end() == 0
