"""The key of a call: what a policy reads it from, and the cookie that is made where there is none."""

import random

import pytest

from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.attempt import Attempt
from plait.actors.proxy.call import Caller
from plait.actors.proxy.cookie import cookie, set_cookie
from plait.actors.proxy.hashing import key_of
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream
from tests.actors.proxy.chained import a_call

USER = ConsistentHash(HashSource.HEADER, "x-user")
STICK = ConsistentHash(HashSource.COOKIE, "stick", "/shop", 90.5, (("SameSite", "Lax"), ("Secure", "")))
CALLER = Caller("front-1", "front")


@pytest.mark.parametrize(
    ("policy", "call", "key"),
    [
        (USER, {"headers": [("x-user", "a"), ("x-other", "c"), ("x-user", "b")]}, "a,b"),
        (USER, {"baggage": {"x-user": "a"}}, "a"),
        (USER, {}, None),
        (ConsistentHash(HashSource.QUERY, "id"), {"query": "x=1&id=a%20b&id=c"}, "a%20b"),
        (ConsistentHash(HashSource.QUERY, "id"), {"query": "x=id"}, None),
        (ConsistentHash(HashSource.SOURCE_IP), {"client": "192.0.2.7", "caller": CALLER}, "192.0.2.7"),
        (ConsistentHash(HashSource.SOURCE_IP), {"caller": CALLER}, "front-1"),
        (ConsistentHash(HashSource.COOKIE, "c"), {"headers": [("cookie", "xc=1; c=2"), ("cookie", "c=3")]}, "2"),
        (ConsistentHash(HashSource.COOKIE, "c"), {"headers": [("cookie", "a=1")], "client": "192.0.2.7"}, None),
        (ConsistentHash(HashSource.COOKIE, "c", ttl=9.0), {"headers": [("cookie", "a=1")]}, None),
    ],
)
def test_the_key_is_what_the_policy_names(policy, call, key):
    assert key_of(policy, random.Random(1))(a_call(**call)) == key


@pytest.mark.parametrize(
    ("field", "value"),
    [("c=1", "1"), ('c="1"', "1"), ("c=", ""), (" c=1=2 ;d", "1=2"), ("cc=1", ""), ("C=1", ""), ("a=c=1", "")],
)
def test_a_cookie_is_read(field, value):
    assert cookie([("cookie", field)], "c") == value


def test_a_cookie_is_made_once_per_call_and_decides_already():
    directory = Directory(random.Random(1))
    for number in range(5):
        directory.put(Instance(f"i-{number}", "s", "v1", {}, "", "node", 1))
    cluster = directory.cluster(Upstream("s", "", {}, TrafficPolicy(Balancer.RANDOM, STICK)))
    instances = set()
    for _ in range(30):
        call = a_call(cluster=cluster, tried=[], client="192.0.2.7")
        first = Attempt(None).pick(call)
        value, field = call.cookie, call.set_cookie
        assert field == f"stick={value}; Path=/shop; Max-Age=91; HttpOnly; SameSite=Lax; Secure"
        assert len(value) == 32
        assert Attempt(None).pick(call) is not first
        assert (call.cookie, call.set_cookie) == (value, field)
        later = a_call(cluster=cluster, tried=[], client="192.0.2.8", headers=[("cookie", f"stick={value}")])
        assert Attempt(None).pick(later) is first
        assert later.set_cookie == ""
        instances.add(first.id)
    assert len(instances) == 5


def test_a_cookie_of_the_session_says_no_age():
    assert set_cookie(ConsistentHash(HashSource.COOKIE, "c", ttl=0.0), "1") == "c=1; HttpOnly"
