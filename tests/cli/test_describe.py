"""describe: text for people, the same for machines, and how a wrong name ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

Plait = Callable[..., Result]

ALIVE = {
    "revision": 1,
    "instances": [
        {
            "id": "reviews-v1-1",
            "service": "reviews",
            "version": "v1",
            "labels": {"version": "v1"},
            "locality": "eu/a",
            "node": "n1",
            "health": "critical",
            "reason": "disk full",
        }
    ],
}
RULE = {
    "kind": "DestinationRule",
    "metadata": {"name": "reviews", "namespace": "default", "resourceVersion": "7"},
    "spec": {"host": "reviews", "subsets": [{"name": "old", "labels": {"version": "v1"}}]},
}


@pytest.fixture
def mesh(other_end: Any) -> Any:
    other_end.on("registry.resolve", ALIVE)
    other_end.on("policy.get", {"revision": 7, "items": [RULE]})
    other_end.on("policy.status", {"revision": 7, "items": [{"node": "n1", "revision": 6, "state": "stale"}]})
    return other_end


def test_a_service_is_shown_with_health_reason_rules_and_subsets(plait: Plait, mesh: Any) -> None:
    told = plait("describe", "service/reviews")
    assert told.exit_code == 0, told.output
    words = ("critical  disk full", "eu/a", "old   version=v1  1", "callers: unknown", "virtualServices: none")
    assert [one for one in words if one not in told.stdout] == []
    (found,) = json.loads(plait("describe", "service/reviews", "-o", "json").stdout)["items"]
    assert found["destinationRules"][0]["revision"] == 7
    assert found["callers"] is None


def test_callers_come_from_the_last_traces(plait: Plait, mesh: Any) -> None:
    spans = [
        {"span_id": "1", "parent_id": "", "service": "page"},
        {"span_id": "2", "parent_id": "1", "service": "reviews"},
    ]
    mesh.on("trace.ls", {"items": [{"trace_id": "abc"}]})
    mesh.on("trace.show", {"trace_id": "abc", "spans": spans})
    found = json.loads(plait("describe", "service/reviews", "-o", "jsonl").stdout)
    assert found["callers"] == [{"service": "page", "calls": 1}]


def test_a_node_and_an_instance_are_shown(plait: Plait, mesh: Any) -> None:
    assert "revision=6, state=stale" in plait("describe", "node/n1").stdout
    assert "disk full" in plait("describe", "instance/reviews-v1-1").stdout
    assert plait("describe", "dr/reviews", "-o", "name").stdout == "DestinationRule/reviews\n"


@pytest.mark.parametrize(
    ("what", "near"),
    [("service/review", "reviews"), ("instance/reviews", "reviews-v1-1"), ("node/n2", "n1"), ("dr/rewievs", "reviews")],
)
def test_a_wrong_name_ends_with_4_and_the_nearest_one(plait: Plait, mesh: Any, what: str, near: str) -> None:
    told = plait("describe", what)
    assert told.exit_code == 4
    assert f"there is {near}" in told.stderr


@pytest.mark.parametrize("what", ["service", "service/", "/x", "thing/x", "actor/n1"])
def test_what_names_nothing_is_a_usage_error(plait: Plait, what: str) -> None:
    assert plait("describe", what).exit_code == 2
