"""What DNS can tell: the address at which a node is reached, and the ports of the roles that listen."""

import socket

import pytest

from plait.mesh.options import Listen, NodeOptions
from plait.mesh.real_ground import RealGround
from plait.mesh.roles import _port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("nats", "address"),
    [
        ("nats://127.0.0.1:4222", "127.0.0.1"),
        ("nats://me:secret@localhost:4222", "127.0.0.1"),
    ],
)
async def test_a_node_is_reached_where_it_talks_to_the_bus(nats, address):
    assert await RealGround(NodeOptions((), nats=nats)).address() == address


async def test_a_bus_that_cannot_be_found_now_leaves_loopback(monkeypatch):
    async def unknown(*_, **__):
        raise socket.gaierror("no such name")

    ground = RealGround(NodeOptions((), nats="nats://bus.example:4222"))
    monkeypatch.setattr(ground.loop, "getaddrinfo", unknown)
    assert await ground.address() == "127.0.0.1"


async def test_a_node_on_an_ipv6_bus_is_reached_by_ipv6():
    assert await RealGround(NodeOptions((), nats="nats://[::1]:4222")).address() in ("::1", "127.0.0.1")


def test_roles_that_listen_tell_the_port_that_they_were_given():
    free = NodeOptions((), "", http=(Listen("127.0.0.1", 0), Listen("127.0.0.1", 80)), dns=Listen("127.0.0.1", 0))
    given = NodeOptions((), "", http=(Listen("127.0.0.1", 8443), Listen("127.0.0.1", 80)), dns=Listen("::1", 53))
    plain = NodeOptions((), "")
    assert [_port("gateway", options) for options in (plain, given, free)] == [8080, 8443, 0]
    assert [_port("dns", options) for options in (plain, given, free)] == [8600, 53, 0]
    assert [_port(role, given) for role in ("registry", "policy", "traces", "actors")] == [0] * 4
