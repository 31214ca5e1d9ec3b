"""The destination's counts: by the caller that the registry vouches for, with what came of each call."""

import pytest

from plait.actors.messages.envelope import VERSION, CallFrame, ReplyFrame
from plait.actors.messages.error import Overloaded, RateLimited
from plait.actors.messages.instance import Instance
from plait.mesh.arrival import Arrived
from plait.tracing.metrics import Metrics

TRACEPARENT = f"00-{'1' * 32}-{'a' * 16}-00"
REVIEWS = Instance("reviews-1", "reviews", "v2", {}, "", "n", 1)
PAGE = Instance("page-1", "page", "v3", {}, "", "m", 1)


@pytest.fixture
def known():
    return {"page.page-1": PAGE}


@pytest.fixture
def metrics():
    return Metrics(process=False)


@pytest.fixture
def arrived(metrics, known):
    return Arrived(metrics, REVIEWS, lambda: known, lambda: 10.0)


def frame(source="page", chain=(), **more):
    body, sent = b"12345", {"source": source, "chain": chain, **more}
    return CallFrame(VERSION, 1, 1, "GET", "", "/", "", [], body, None, TRACEPARENT, **sent)


def reply(status=200, cause=0):
    return ReplyFrame(VERSION, status, [], b"123", cause)


def test_a_caller_is_known_by_the_subject_and_the_registry(arrived, metrics):
    arrived.ended(b"page-1", frame(), reply(), 9.5)
    (calls,) = metrics.all_calls()
    assert (calls.way.reporter, calls.way.source, calls.way.destination) == (
        "destination",
        ("page", "v3"),
        ("reviews", "v2"),
    )
    assert (calls.seconds, calls.sent_bytes, calls.received_bytes) == (0.5, 5, 3)


def test_within_a_node_the_chain_tells_who_calls(arrived, metrics):
    arrived.ended(b"", frame(chain=("gateway-1", "page-1")), reply(), 9.5)
    assert [calls.way.source.version for calls in metrics.all_calls()] == ["v3"]


def test_ten_thousand_made_up_callers_make_one_series(arrived, metrics):
    for place in range(10_000):
        arrived.ended(b"x%d" % place, frame(f"made-up-{place}"), reply(), 9.5)
    arrived.ended(b"page-1", frame("somebody-else"), reply(), 9.5)
    (calls,) = metrics.all_calls()
    assert (calls.way.source.service, calls.total) == ("unknown", 10_001)


def test_a_caller_that_the_registry_tells_of_later_is_known_from_then_on(arrived, metrics, known):
    del known["page.page-1"]
    arrived.ended(b"page-1", frame(), reply(), 9.5)
    known["page.page-1"] = PAGE
    arrived.ended(b"page-1", frame(), reply(), 9.5)
    assert [calls.way.source.service for calls in metrics.all_calls()] == ["unknown", "page"]


def test_what_was_refused_has_the_status_that_a_client_would_see(arrived, metrics):
    arrived.ended(b"page-1", frame(), reply(500, Overloaded.cause), 0.0)
    arrived.ended(b"page-1", frame(), reply(500, RateLimited.cause), 0.0)
    arrived.ended(b"page-1", frame(), reply(500, 1000), 0.0)  # of a newer release
    arrived.ended(b"page-1", frame(), None, 9.5)
    (calls,) = metrics.all_calls()
    assert sorted(divmod(key, 1024)[0] for key in calls.counts) == [0, 429, 500, 503]
    assert calls.seconds == 0.5
