"""What `plait describe` puts together from the answers of the mesh."""

from typing import Any

from plait.cli import portrait


def instance(service: str, version: str, **more: Any) -> dict[str, Any]:
    labels = {"app": service, "version": version, **more.pop("labels", {})}
    common = {"node": "n1", "locality": "", "health": "healthy", "reason": ""}
    return {"id": f"{service}-{version}", "service": service, "version": version, "labels": labels, **common, **more}


def document(
    kind: str, name: str, spec: dict[str, Any], revision: int = 3, namespace: str = "default"
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(revision)}
    return {"kind": kind, "metadata": metadata, "spec": spec}


ALIVE = [
    instance("reviews", "v1"),
    instance("reviews", "v2", health="critical", reason="disk full", labels={"track": "canary"}),
    instance("ratings", "v1", node="n2"),
    instance("reviews.other", "v1"),
]
RULES = [
    document("VirtualService", "own", {"hosts": ["reviews.default.svc.cluster.local"], "http": []}),
    document(
        "VirtualService",
        "edge",
        {
            "hosts": ["*"],
            "http": [{"route": [{"destination": {"host": "reviews", "subset": "new"}}]}],
        },
        revision=4,
    ),
    document("VirtualService", "else", {"hosts": ["ratings"], "http": [{"mirror": {"host": "details"}}]}),
    document("VirtualService", "away", {"hosts": ["reviews"]}, namespace="other"),
    document(
        "DestinationRule",
        "reviews",
        {
            "host": "reviews",
            "subsets": [
                {"name": "old", "labels": {"version": "v1"}},
                {"name": "new", "labels": {"version": "v2", "track": "canary"}},
                {"name": "none", "labels": {"version": "v9"}},
            ],
        },
        revision=2,
    ),
    document("DestinationRule", "ratings", {"host": "ratings", "subsets": []}),
]


def test_a_service_shows_its_instances_and_what_binds_it() -> None:
    found = portrait.service("reviews", ALIVE, RULES, [])
    assert [one["id"] for one in found["instances"]] == ["reviews-v1", "reviews-v2"]
    assert (found["versions"], found["healthy"]) == (["v1", "v2"], 1)
    assert [(one["name"], one["revision"], one["binds"], one["subsets"]) for one in found["virtualServices"]] == [
        ("own", 3, True, []),
        ("edge", 4, False, ["new"]),
    ]
    (rule,) = found["destinationRules"]
    assert (rule["name"], rule["revision"]) == ("reviews", 2)
    assert {one["name"]: one["instances"] for one in rule["subsets"]} == {"old": 1, "new": 1, "none": 0}


def test_a_service_shows_what_its_calls_are_treated_by() -> None:
    rules = [
        document("Resilience", "own", {"host": "reviews", "subset": "new", "hedging": {}, "circuitBreaker": {}}, 5),
        document("Resilience", "root", {"host": "*", "admission": {}}, namespace="istio-system"),
        document("Resilience", "away", {"host": "reviews.default", "hedging": {}}, namespace="other"),
        document("RateLimit", "ratings", {"host": "ratings", "limits": [{"requests": 1}]}),
        document("Fault", "game", {"host": "reviews.default", "drop": True, "expires": "2026-11-24T21:00:00Z"}, 6, "x"),
        document("Fault", "broken", {}),
    ]
    found = portrait.service("reviews", ALIVE, rules, [])["treatment"]
    assert [(one["kind"], one["name"], one["subset"], one["says"]) for one in found] == [
        ("Resilience", "own", "new", ["circuitBreaker", "hedging"]),
        ("Resilience", "root", "", ["admission"]),
        ("Fault", "game", "", ["drop"]),
    ]
    assert found[2]["until"] == "2026-11-24T21:00:00Z"


def test_a_service_of_another_namespace_has_rules_of_its_own() -> None:
    found = portrait.service("reviews.other", ALIVE, RULES, None)
    assert [(one["name"], one["binds"]) for one in found["virtualServices"]] == [("away", True)]
    assert (found["destinationRules"], found["callers"]) == ([], None)


def test_a_node_shows_its_instances_and_its_revision() -> None:
    found = portrait.node("n2", ALIVE, [{"node": "n2", "revision": 4, "state": "synced"}])
    assert ([one["id"] for one in found["instances"]], found["policy"]) == (
        ["ratings-v1"],
        {"revision": 4, "state": "synced"},
    )
    assert portrait.node("n2", ALIVE, [])["policy"] == {}


def test_a_document_shows_where_it_routes_and_its_subsets() -> None:
    assert portrait.policy(RULES[1], ALIVE)["destinations"] == [{"host": "reviews", "subset": "new"}]
    assert portrait.policy(RULES[2], ALIVE)["destinations"] == [{"host": "details", "subset": ""}]
    assert [one["instances"] for one in portrait.policy(RULES[4], ALIVE)["subsets"]] == [1, 1, 0]


def test_documents_without_sense_are_no_reason_to_fail() -> None:
    for spec in ({}, {"hosts": "x"}, {"http": [1, {"route": "x"}]}, {"host": "*.x", "subsets": [1]}, {"host": None}):
        for kind in ("VirtualService", "DestinationRule", "Gateway"):
            odd = document(kind, "odd", spec)
            assert portrait.service("reviews", ALIVE, [odd], [])["virtualServices"] == []
            assert portrait.policy(odd, ALIVE)["name"] == "odd"


def test_callers_are_counted_by_the_spans_around() -> None:
    page = {"span_id": "1", "parent_id": "", "service": "page"}
    client = {"span_id": "2", "parent_id": "1", "service": "page"}
    served = {"span_id": "3", "parent_id": "2", "service": "reviews"}
    inner = {"span_id": "4", "parent_id": "3", "service": "reviews"}
    other = {"span_id": "5", "parent_id": "4", "service": "ratings"}
    found = portrait.callers("reviews", [[page, client, served, inner, other], [page, client, served], [served]])
    assert found == [{"service": "page", "calls": 2}]


def test_a_wrong_name_is_told_the_nearest_ones() -> None:
    assert portrait.near("review", ["reviews", "ratings"]) == "there is reviews"
    assert portrait.near("zzz", ["b", "a"]) == "there is a, b"
    assert portrait.near("zzz", []) == ""
