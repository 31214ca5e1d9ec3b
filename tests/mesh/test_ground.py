"""The ground of a real node: the system's own clocks, and the bus's name without its secrets.

What nodes do on a ground that is no network, the same every run, stands in `tests/testing`.
"""

import time

import pytest

from plait.mesh.options import NodeOptions
from plait.mesh.real_ground import RealGround

pytestmark = pytest.mark.anyio


async def test_a_real_ground_is_the_systems_own_clocks_and_names_the_bus_without_its_password():
    ground = RealGround(NodeOptions((), nats="nats://me:secret@127.0.0.1:4222"))
    clocks = ground.clock, ground.clock_ns, ground.wall_clock, ground.wall_clock_ns
    assert clocks == (time.monotonic, time.monotonic_ns, time.time, time.time_ns)
    assert "secret" not in ground.where
    assert "127.0.0.1:4222" in ground.where
