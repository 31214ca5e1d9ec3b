"""The messages whose bytes are kept: one of each kind, with every field at another value than its default."""

import pytest

from plait.actors.messages import (
    complaint,
    disruption,
    envelope,
    hashing,
    instance,
    load,
    rate_limit,
    resilience,
    rule,
    table,
    telemetry,
    traffic,
)

NODE_1 = instance.Connection("NCT4", 7)
NODE_2 = instance.Connection("NCT4", 8)

EXACT = rule.StringMatch(rule.MatchKind.EXACT, "jason")
REPORT = load.LoadReport(3, 4, 0.5, 120.25, 1.5, 0.002, 256, 0.75, {"gpu": 0.5})
CHANGE = rule.HeaderChange((("x-set", "1"),), (("x-add", "2"),), ("x-gone",))

SAMPLES = {
    "call": envelope.CallFrame(
        version=1,
        call=2**62 + 5,
        attempt=2,
        method="POST",
        authority="ratings",
        path="/ratings/0%2F1",
        query="a=1&b",
        headers=[("content-type", "application/json"), ("x-many", "1"), ("x-many", "zwei ü")],
        body=b"\x00\xff{}",
        timeout=2_500_000,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate="vendor=1",
        baggage={"end-user": "jason", "x-request-id": "r-1"},
        source="reviews",
        destination="ratings",
        subset="v2",
        chain=("gateway-1", "reviews-1"),
        retry_tokens=3,
        revision=17,
        hash_key="h",
        idempotency_key="once",
        flags=int(envelope.Flag.MIRROR | envelope.Flag.EXPLAIN),
        stream="s-1",
    ),
    "call_least": envelope.CallFrame(1, 0, 1, "GET", "", "/", "", [], b"", None, ""),
    "reply": envelope.ReplyFrame(
        1,
        503,
        [("content-type", "text/plain")],
        b"no",
        cause=12,
        spent=2,
        load=load.LoadReport(3, 4, 0.5, 120.25, 1.5),
        decision=b"\x80",
        stream="s-2",
    ),
    "reply_degraded": envelope.ReplyFrame(
        1,
        200,
        [("x-plait-fallback", "last-good")],
        b"old",
        cause=3,
        spent=2,
        load=load.LoadReport(3, 4, 0.5, 120.25),
        decision=b"\x80",
        stream="s-2",
        degraded=("ratings/last-good",),
    ),
    "reply_reported": envelope.ReplyFrame(
        1, 503, [("content-type", "text/plain")], b"no", 12, 2, REPORT, b"\x80", "s-2", ("ratings/last-good",)
    ),
    "reply_least": envelope.ReplyFrame(1, 200, [], b""),
    "instance": instance.Instance(
        "reviews-1", "reviews_shop", "v2", {"version": "v2"}, "eu/a/1", "node-1", 5, NODE_1, NODE_2, "draining"
    ),
    "instance_listening": instance.Instance(
        "billing-1", "billing", "v1", {}, "", "node-1", 5, NODE_1, NODE_2, "draining", (("orders.created", "billing"),)
    ),
    "instance_addressed": instance.Instance(
        "gateway-1",
        "plait-gateway",
        "v1",
        {"istio": "ingressgateway"},
        "eu/a/1",
        "node-1",
        5,
        NODE_1,
        NODE_2,
        "draining",
        (("orders.created", ""),),
        "2001:db8::5",
        8443,
    ),
    "instance_renewed": instance.Instance(
        "reviews-1",
        "reviews",
        "v1",
        {"version": "v1"},
        "eu/a/1",
        "node-1",
        5,
        NODE_1,
        NODE_2,
        "critical",
        (("orders.created", ""),),
        "2001:db8::5",
        8443,
        "database: refused",
        3,
    ),
    "instance_weighed": instance.Instance(
        "reviews-1",
        "reviews",
        "v1",
        {"version": "v1"},
        "eu/a/1",
        "node-1",
        5,
        NODE_1,
        NODE_2,
        "critical",
        (("orders.created", ""),),
        "2001:db8::5",
        8443,
        "database: refused",
        3,
        2.5,
    ),
    "join": instance.Join(instance.Instance("r-1", "reviews", "v1", {}, "", "node-1", 1)),
    "joined": instance.Joined(9, "older than what is known", "failed_precondition"),
    "leave": instance.Leave("r-1", "reviews", 3),
    "heartbeat": instance.Heartbeat("node-1", 99, NODE_1, NODE_2, (("reviews", "r-1", 3),), 0.25),
    "heartbeat_renewed": instance.Heartbeat(
        "node-1", 99, NODE_1, NODE_2, (("reviews", "r-1", 3),), 0.25, (("reviews", "r-1", 2),)
    ),
    "heartbeat_loaded": instance.Heartbeat(
        "node-1",
        99,
        NODE_1,
        NODE_2,
        (("reviews", "r-1", 3),),
        0.25,
        (("reviews", "r-1", 2),),
        (("reviews", "r-1", REPORT),),
    ),
    "beat_behind": instance.Beat(12, (("reviews", "r-9"),), (("reviews", "r-1"),)),
    "beat": instance.Beat(12, (("reviews", "r-9"),)),
    "delta": table.Delta(6, 7, (("reviews/r-1", b"\x90"), ("reviews/r-2", None))),
    "prepare": table.Prepare(6, 7, "ab" * 32, (("routes/default/reviews", b"\x91\x01"), ("x", None)), 1, 2),
    "activate": table.Activate(7),
    "acknowledge": table.Acknowledge("node-1", 7, "refused", "the digest differs"),
    "snapshot_request": table.SnapshotRequest(7, 1, 5),
    "snapshot": table.Snapshot(7, 1, 3, (("reviews/r-1", b"\x90"),)),
    "delta_epoch": table.Delta(6, 7, (("reviews/r-1", b"\x90"),), 1_800_000_000_000_000_000),
    "snapshot_request_epoch": table.SnapshotRequest(7, 1, 5, 1_800_000_000_000_000_000),
    "snapshot_epoch": table.Snapshot(7, 1, 3, (("reviews/r-1", b"\x90"),), 1_800_000_000_000_000_000),
    "rule_set": rule.RuleSet(
        "default/reviews",
        ("reviews.default.svc.cluster.local",),
        ("mesh", "default/edge"),
        (
            rule.RouteRule(
                "jason",
                (
                    rule.RouteMatch(
                        "by-user",
                        rule.StringMatch(rule.MatchKind.PREFIX, "/reviews"),
                        True,
                        rule.StringMatch(rule.MatchKind.EXACT, "http"),
                        rule.StringMatch(rule.MatchKind.REGEX, "GET|HEAD"),
                        rule.StringMatch(rule.MatchKind.EXACT, "reviews"),
                        (("end-user", EXACT),),
                        (("x-debug", rule.StringMatch(rule.MatchKind.PRESENT)),),
                        (("q", EXACT),),
                        9080,
                        {"app": "productpage"},
                        "default",
                        ("mesh",),
                    ),
                ),
                (rule.Destination("reviews", "v2", 90, 9080, CHANGE, CHANGE), rule.Destination("reviews", "v3", 10)),
                3.5,
                rule.RetryPolicy(3, 0.5, ("5xx", "gateway-error"), 0.1),
                rule.Fault(7.0, 50.0, 503, 12.5),
            ),
        ),
        4,
    ),
    "destination_policy": rule.DestinationPolicy(
        "default/reviews",
        "reviews",
        traffic.TrafficPolicy(traffic.Balancer.RANDOM),
        (rule.Subset("v2", {"version": "v2"}, traffic.TrafficPolicy(traffic.Balancer.ROUND_ROBIN)),),
    ),
    "destination_policy_hashed": rule.DestinationPolicy(
        "default/reviews",
        "reviews",
        traffic.TrafficPolicy(
            traffic.Balancer.RANDOM,
            hashing.ConsistentHash(hashing.HashSource.COOKIE, "stick", "/", 90.0, (("SameSite", "Lax"),), 2048, 65_537),
        ),
    ),
    "destination_policy_whole": rule.DestinationPolicy(
        "default/reviews",
        "reviews",
        traffic.TrafficPolicy(
            traffic.Balancer.PEAK_EWMA,
            None,
            None,
            traffic.Locality(True, (("eu/a", (("eu/a", 80), ("eu/b", 20))),), (("eu", "us"),), ("zone",)),
            traffic.Warmup(30.0, 5.0, 2.0),
            traffic.Outlier(7, 3, 2, True, 1.0, 15.0, 60.0, 40.0, 20.0, ((500, 504),), True),
            traffic.Pool(1, 2, 3, 4),
            traffic.RetryBudget(10.0, 1, 0.5),
        ),
    ),
    "resilience": resilience.Resilience(
        "default/reviews", "reviews", "v2", resilience.Balancing(traffic.Balancer.PEAK_EWMA)
    ),
    "resilience_breaker": resilience.Resilience(
        "default/b", "reviews", breaker=resilience.Breaker(20.0, 0.3, 30.0, 5, 20.0, 1.0, 8.0, False, True)
    ),
    "telemetry": telemetry.Telemetry("istio-system/mesh", {"istio": "ingressgateway"}, 12.5),
    "disruption": disruption.Disruption(
        "default/f", "reviews", "ann", "game day", 1.5e9, "v2", "r-1", "page", 20.0, 2.0, 503, True, True, True
    ),
    "resilience_overload": resilience.Resilience(
        "default/o",
        "reviews",
        concurrency=resilience.Concurrency(30, 10, 300, 5, 2.0),
        admission=resilience.Admission(90.0, 1.5, 20),
    ),
    "rate_limit": rate_limit.RateLimit(
        "default/a",
        "reviews",
        "v2",
        (
            rate_limit.Limit(
                "l", 100, 60.0, 20, rate_limit.Scope.MESH, "end-user", True, True, True, ("r",), ("c",), 10.0, 2.0
            ),
        ),
        True,
    ),
    "complaints": complaint.Complaints((complaint.Complaint("ratings-v1-0a1b2c", 2**60, 4, 3, 2, 29.5),)),
    "destination_policy_budget": rule.DestinationPolicy(
        "default/reviews", "reviews", traffic.TrafficPolicy(budget=traffic.RetryBudget(10.0, 1, 0.5, 5.0))
    ),
    "resilience_detection": resilience.Resilience(
        "default/d",
        "reviews",
        detection=resilience.Detection(
            resilience.SuccessRate(3, 50, 1.5, 10.0), resilience.FailureShare(60.0, 3, 20), False
        ),
    ),
    "resilience_hedge": resilience.Resilience("default/reviews", "reviews", hedge=resilience.Hedge(0.05, 0.9, 2.5)),
    "gateway_policy": rule.GatewayPolicy(
        "default/edge", {"istio": "ingressgateway"}, (rule.Server(80, "HTTP", ("*.shop.org",), "http", ("*",)),)
    ),
}


@pytest.fixture
def samples():
    return SAMPLES


def pytest_generate_tests(metafunc):
    """A test that takes `sample` runs for each kept message."""
    if "sample" in metafunc.fixturenames:
        metafunc.parametrize("sample", sorted(SAMPLES))
