"""The stack of compose.yaml for real: pages, traces, names, metrics, policy, losses, and its end."""

import contextlib
import json
import time

import dns.message
import dns.query
import pytest

from tests.compose import engine
from tests.compose.stack import Stack, lines, wait_for

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

SCENARIOS = engine.ROOT / "examples" / "bookinfo" / "scenarios"
ALL_V1 = (SCENARIOS / "all-v1.yaml").read_text(encoding="utf-8")
LOST = ("nats-2", "registry-1", "policy-1", "gateway-1", "ratings")
"""One of each kind."""


def page(stack: Stack, gateway: str) -> str:
    """The product page, which must be had."""
    status, body = stack.get(gateway, "/productpage")
    assert status == 200, body
    return body


def stars(stack: Stack, gateway: str) -> set[str]:
    """The colours of stars that the page shows within six requests, one of each version of reviews for sure."""
    pages = [page(stack, gateway) for _ in range(6)]
    return {colour for colour in ("black", "red") for body in pages if f"stars {colour}" in body}


def test_every_container_is_healthy_and_the_first_rules_are_applied(stack):
    assert stack.amiss() == {}


@pytest.mark.parametrize("gateway", ["gateway-1", "gateway-2"])
def test_each_gateway_shows_the_page_with_every_version(stack, gateway):
    assert stars(stack, gateway) == {"black", "red"}


def test_spans_reach_jaeger(stack):
    page(stack, "gateway-1")
    wanted = {"plait-gateway", "productpage", "details", "reviews"}
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:4318/services').read().decode())"

    def seen() -> set[str]:
        return set(json.loads(stack.inside("jaeger", "python", "-c", ask)))

    wait_for(lambda: wanted <= seen(), 10, lambda: f"{seen()}")


def test_names_are_answered_on_loopback(stack):
    question = dns.message.make_query("reviews.service.plait", "A")
    answer = dns.query.udp(question, "127.0.0.1", port=stack.port("dns", "8600/udp"), timeout=5)
    (records,) = answer.answer
    assert len(records) == 3
    assert len(dns.query.tcp(question, "127.0.0.1", port=stack.port("dns", "8600/tcp"), timeout=5).answer[0]) == 3


def test_metrics_are_open_to_other_containers(stack):
    assert stack.inside("gateway-1", "plait", "probe", "http://details:8081/metrics").startswith("# HELP")


def test_policy_applied_from_a_container_or_from_this_machine_shifts_traffic(stack, plait):
    assert "revision" in stack.inside("policy-2", "plait", "apply", "-f", "-", stdin=ALL_V1)
    assert stars(stack, "gateway-1") == stars(stack, "gateway-2") == set()
    outside = f"nats://127.0.0.1:{stack.port('nats-3', '4222/tcp')}"
    assert plait("delete", "vs/reviews", "--nats", outside).exit_code == 0
    assert stars(stack, "gateway-1") == {"black", "red"}


def test_one_of_each_kind_may_die(stack, again):
    for service in LOST:
        stack.kill(service)
        for _ in range(5):
            page(stack, "gateway-2")

    def applied() -> bool:
        try:
            return "revision" in stack.inside("policy-2", "plait", "apply", "-f", "-", stdin=ALL_V1)
        except engine.Missing:  # the bucket's leader may have died: another is elected within seconds
            return False

    wait_for(applied, 30, stack.logs)
    assert stars(stack, "gateway-2") == set()
    stack.start("ratings")  # which must be written into what is left of the registry

    def ratings() -> list[str]:
        members = lines(stack.inside("registry-2", "plait", "ls", "instances", "-o", "jsonl"))
        return [one["health"] for one in members if one["service"] == "ratings"]

    wait_for(lambda: ratings() == ["healthy"], 30, stack.logs)
    again()
    assert stars(stack, "gateway-1") == set()  # it decides by what was applied while it was dead


@pytest.fixture
def again(stack):
    """Starts what a test has killed, and waits until all is well; at the test's end at the latest."""

    def start() -> None:
        stack.start(*LOST)
        stack.whole()

    yield start
    start()


def test_what_dies_by_itself_is_started_again(stack):
    others = "[p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]"
    all_but_init = f"import os; [os.kill(int(p), 9) for p in {others}]"
    ask = ("docker", "inspect", "-f", "{{.RestartCount}}", stack.containers["details"])
    before = int(engine.run(*ask, limit=20))
    with contextlib.suppress(engine.Missing):  # it may die of what it does
        stack.inside("details", "python", "-c", all_but_init)
    wait_for(lambda: int(engine.run(*ask, limit=20)) > before, 20, stack.logs)
    stack.whole()
    page(stack, "gateway-1")


def test_rules_and_members_outlive_the_whole_stack(stack):
    began = time.monotonic()
    stack.compose("stop", limit=100)
    assert time.monotonic() - began < 40  # less than any grace period: nobody had to be killed
    assert {name: state for name, state in stack.states().items() if state != ("exited", 0) and name != "jaeger"} == {}
    stack.up()
    assert stars(stack, "gateway-1") == set()
