"""ls, trace and check against a mesh that says what the test wants."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from plait.cli.output import age, table

Plait = Callable[..., Result]
pytestmark = pytest.mark.process


def _instance(name: str, service: str, version: str, node: str, health: str = "healthy") -> dict[str, Any]:
    labels = {"version": version}
    rest = {"labels": labels, "locality": "", "node": node, "health": health}
    return {"id": name, "service": service, "version": version, **rest}


MEMBERS = [
    _instance("r2", "reviews", "v2", "n2", "draining"),
    _instance("r1", "reviews", "v1", "n1"),
    _instance("d1", "details", "v1", "n1"),
]


@pytest.fixture
def members(other_end: Any) -> Any:
    other_end.on("registry.resolve", {"revision": 3, "instances": MEMBERS})
    return other_end


def test_instances_are_sorted_and_tell_their_health(plait: Plait, members: Any) -> None:
    told = plait("ls", "instances")
    assert told.stdout.splitlines() == [
        "INSTANCE  SERVICE  VERSION  NODE  HEALTH",
        "d1        details  v1       n1    healthy",
        "r1        reviews  v1       n1    healthy",
        "r2        reviews  v2       n2    draining",
    ]
    assert json.loads(members.asked[0][1]) == {"service": ""}
    assert "version=v1" in plait("ls", "instances", "-o", "wide").stdout


def test_services_and_nodes_are_derived_from_instances(plait: Plait, members: Any) -> None:
    services = [json.loads(line) for line in plait("ls", "services", "-o", "jsonl").stdout.splitlines()]
    assert [(one["name"], one["versions"], one["instances"], one["healthy"]) for one in services] == [
        ("details", ["v1"], 1, 1),
        ("reviews", ["v1", "v2"], 2, 1),
    ]
    assert plait("ls", "nodes", "-o", "name").stdout == "node/n1\nnode/n2\n"
    whole = json.loads(plait("ls", "nodes", "-o", "json").stdout)
    assert whole["kind"] == "NodeList"
    assert whole["items"][0]["services"] == ["details", "reviews"]


def test_an_empty_mesh_has_an_empty_table_and_empty_json(plait: Plait, other_end: Any) -> None:
    other_end.on("registry.resolve", {"revision": 0, "instances": []})
    told = plait("ls", "instances")
    assert (told.stdout, told.stderr) == ("", "no instance is registered\n")
    assert json.loads(plait("ls", "instances", "-o", "json").stdout)["items"] == []


def test_what_a_service_calls_itself_cannot_steer_the_terminal(plait: Plait, other_end: Any) -> None:
    evil = _instance("r1", "reviews", "v1\x1b[2J", "n1")
    other_end.on("registry.resolve", {"revision": 1, "instances": [evil]})
    assert "\x1b" not in plait("ls", "instances").stdout


def test_an_unknown_thing_is_a_usage_error(plait: Plait) -> None:
    assert plait("ls", "penguins").exit_code == 2


def test_traces_are_listed_with_their_durations(plait: Plait, other_end: Any) -> None:
    trace = {
        "trace_id": "4bf92f3577b34da6",
        "service": "gateway",
        "operation": "GET /productpage",
        "start_ns": 1,
        "duration_ns": 12_340_000,
        "spans": 9,
        "errors": 1,
        "services": [{"service": "gateway", "spans": 9, "errors": 1}],
    }
    other_end.on("trace.ls", {"items": [trace]})
    told = plait("trace", "ls", "--service", "reviews", "--errors", "--limit", "5")
    assert "12.3ms" in told.stdout
    assert json.loads(other_end.asked[0][1]) == {"service": "reviews", "errors": True, "limit": 5}
    assert plait("trace", "ls", "-o", "name").stdout == "trace/4bf92f3577b34da6\n"


def test_a_trace_is_shown_as_lines_or_spans(plait: Plait, other_end: Any) -> None:
    other_end.on("trace.show", {"lines": ["gateway ====", "reviews  =="], "spans": [{"span_id": "1"}]})
    assert plait("trace", "show", "4bf92f35").stdout == "gateway ====\nreviews  ==\n"
    assert json.loads(plait("trace", "show", "4bf92f35", "-o", "jsonl").stdout) == {"span_id": "1"}


def test_a_trace_that_is_not_kept_is_exit_code_4(plait: Plait, other_end: Any) -> None:
    other_end.on("trace.show", {"errors": [{"code": "not_found", "message": "no trace 'x' here"}]})
    assert plait("trace", "show", "x").exit_code == 4
    other_end.on("trace.show", {"lines": [], "spans": []})


def test_the_doctor_finds_a_healthy_mesh_healthy(plait: Plait, members: Any) -> None:
    members.on("policy.get", {"revision": 7, "items": []})
    told = plait("check")
    assert told.exit_code == 0, told.output
    marks = {line[2:].split("  ")[0].strip(): line[0] for line in told.stdout.splitlines() if line[0] != " "}
    assert marks["bus"] == marks["registry"] == marks["policy"] == marks["service reviews"] == "√"
    assert marks["gateway"] == "!"


def test_the_doctor_exits_3_with_a_hint_for_each_failure(plait: Plait) -> None:
    told = plait("check", "--nats", "nats://127.0.0.1:1", "--http", "127.0.0.1:1", "-o", "json")
    assert told.exit_code == 3
    found = {one["check"]: one for one in json.loads(told.stdout)["items"]}
    assert found["bus"]["verdict"] == found["gateway"]["verdict"] == "failed"
    assert all(one["hint"] for one in found.values() if one["verdict"] == "failed")
    assert found["python"]["verdict"] == "good"


def test_numbers_stand_on_the_right_and_lines_end_with_their_last_cell() -> None:
    assert table(["A", "N", "B"], [["x", "10", ""], ["yy", "7", "z"]], [False, True, False]) == [
        "A    N  B",
        "x   10",
        "yy   7  z",
    ]


def test_ages_are_short() -> None:
    assert [age(seconds) for seconds in (-1, 7, 61, 7200, 864000)] == ["0s", "7s", "1m", "2h", "10d"]


def test_status_shows_who_decides_by_which_revision_and_fails_unless_all_are_synced(
    plait: Plait, other_end: Any
) -> None:
    synced = {"node": "n1", "revision": 7, "state": "synced", "since": "2000-01-01T00:00:00Z", "reason": ""}
    refused = {"node": "n2", "revision": 6, "state": "refused", "reason": "does not compile"}
    other_end.on("policy.status", {"revision": 7, "items": [synced, refused]})
    told = plait("status")
    assert told.exit_code == 3
    assert "whether faults are put in on purpose is not known" in told.stderr
    assert [re.sub(r"\d+d", "days", line) for line in told.stdout.splitlines()] == [
        "NODE  REVISION  STATE    SINCE  REASON",
        "n1           7  synced   days  -",
        "n2           6  refused      -  does not compile",
    ]
    assert "policy revision 7: 1 of 2 nodes are synced" in told.stderr
    assert [one["node"] for one in json.loads(plait("status", "-o", "json").stdout)["items"]] == ["n1", "n2"]


def test_weight_asks_the_node_of_the_instance(plait: Plait, members: Any) -> None:
    members.on("weight.n1", {"node": "n1", "instance": "r1", "weight": 2.5})
    assert plait("weight", "r1", "2.5").stdout == "r1 has weight 2.5\n"
    told = plait("weight", "r9", "2")
    assert (told.exit_code, told.stdout) == (4, "")
    assert "no instance 'r9'" in told.stderr
    for wrong in ("-1", "nan", "1e10", "much"):
        assert plait("weight", "r1", "--", wrong).exit_code == 2
    members.on("weight.n1", {"errors": [{"code": "failed_precondition", "message": "no such"}]})
    assert plait("weight", "r1", "1").exit_code == 3


def test_drain_names_a_node_that_is_none_before_it_drains_any(plait: Plait, members: Any) -> None:
    members.on("drain.n1", {"node": "n1", "instances": ["r1", "d1"], "seconds": 0.25, "ends": True})
    told = plait("drain", "n1", "n9")
    assert (told.exit_code, told.stdout) == (4, "")
    assert "no node 'n9'" in told.stderr
    assert plait("drain", "n1").stdout == "n1 is drained: 2 instances in 0.25 s; its process ends\n"
    assert plait("drain").exit_code == 2


def _compared(route: str, same: int, places: dict[str, int], buckets: list[int]) -> dict[str, Any]:
    return {
        "route": route, "service": "reviews", "subset": "v1", "mirror": "reviews", "mirror_subset": "v3",
        "outcomes": {"same": same, "body": 2}, "places": places, "statuses": {}, "ours": buckets, "theirs": buckets,
    }  # fmt: skip


def test_mirrors_are_added_up_over_all_nodes(plait: Plait, members: Any) -> None:
    fast, slow = [10] + [0] * 14, [0] * 7 + [10] + [0] * 7
    members.on("config.n1", {"items": [_compared("default/reviews#0", 3, {"$.a": 2}, fast)]})
    members.on("config.n2", {"items": [_compared("default/reviews#0", 4, {"$.a": 1, "$.b": 1}, slow)]})
    head, row = (re.split(" {2,}", line) for line in plait("ls", "mirrors").stdout.splitlines())
    assert dict(zip(head, row, strict=True)) == {
        "ROUTE": "default/reviews#0",
        "ANSWERED BY": "reviews v1",
        "COPIED TO": "reviews v3",
        "COMPARED": "11",
        "SAME": "7",
        "STATUS": "0",
        "BODY": "4",
        "FAILED": "0",
        "P50 MS": "0.5/0.5",
        "P95 MS": "95/95",
        "DIFFER IN": "$.a 3, $.b 1",
    }
    (one,) = json.loads(plait("ls", "mirrors", "-o", "json").stdout)["items"]
    assert (one["outcomes"], one["ours"]) == ({"same": 7, "body": 4}, {"p50": 0.5, "p95": 95.0})


def test_without_comparisons_it_is_said_how_to_have_them(plait: Plait, members: Any) -> None:
    members.on("config.n1", {"items": []})
    members.on("config.n2", {"items": []})
    told = plait("ls", "mirrors")
    assert (told.exit_code, told.stdout) == (0, "")
    assert "mirrorDiff" in told.stderr
