"""What changes policy and what tells of changes, against an engine and nodes that say what the test wants."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

Plait = Callable[..., Result]
pytestmark = pytest.mark.process

RULE = "kind: VirtualService\nmetadata:\n  name: reviews\n"
IN_FORCE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "reviews", "namespace": "default", "resourceVersion": "7"},
    "spec": {"hosts": ["reviews"]},
}


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.yaml"
    path.write_text(RULE)
    return path


def test_delete_takes_several_as_one_change(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.delete", {"revision": 8, "applied": []})
    assert plait("delete", "vs/reviews", "DestinationRule/shop/cart", "--force", "--dry-run").exit_code == 0
    ((_, payload, headers),) = other_end.asked
    assert json.loads(payload) == {
        "items": [
            {"kind": "VirtualService", "name": "reviews"},
            {"kind": "DestinationRule", "name": "shop/cart"},
        ],
        "force": True,
    }
    assert b"plait-dry-run: true" in headers
    assert plait("delete", "VirtualService").exit_code == 2


def test_delete_of_what_is_not_there_is_exit_code_4_and_of_what_others_name_3(plait: Plait, other_end: Any) -> None:
    gone = {"code": "not_found", "document": "VirtualService/default/gone", "message": "is not in force"}
    named = {"code": "unknown_subset", "document": "DestinationRule/default/reviews", "message": "still named"}
    other_end.on("policy.delete", {"errors": [gone]})
    told = plait("delete", "vs/gone")
    assert (told.exit_code, told.stdout) == (4, "")
    assert told.stderr.startswith("VirtualService/default/gone: is not in force [not_found]\n")
    other_end.on("policy.delete", {"errors": [named, gone]})
    assert plait("delete", "dr/reviews", "vs/gone").exit_code == 3


def test_a_bundle_that_is_larger_than_a_message_goes_in_parts(plait: Plait, other_end: Any, rule: Path) -> None:
    text = RULE + "# filling\n" * 150_000
    rule.write_text(text)
    other_end.on("policy.apply", {"upload": "policy.upload.abc", "received": 1})

    def take(payload: bytes, headers: bytes) -> object:
        return {"revision": 3, "applied": []} if b"plait-part: 2\r" in headers else {"received": 2}

    other_end.on("policy.upload.abc", take)
    told = plait("apply", "-f", str(rule), "--dry-run")
    assert (told.exit_code, told.stdout) == (0, "revision 3 (dry run: nothing was changed)\n")
    assert [subject for subject, _, _ in other_end.asked] == ["policy.apply", *["policy.upload.abc"] * 2]
    assert other_end.asked[0][2] == b"NATS/1.0\r\nplait-dry-run: true\r\nplait-parts: 3\r\n\r\n"
    assert b"".join(payload for _, payload, _ in other_end.asked) == text.encode()


def test_a_part_that_is_refused_ends_the_upload(plait: Plait, other_end: Any, rule: Path) -> None:
    rule.write_text("# filling\n" * 150_000 + RULE)
    other_end.on("policy.apply", {"errors": [{"code": "resource_exhausted", "message": "too many uploads"}]})
    told = plait("apply", "-f", str(rule))
    assert (told.exit_code, len(other_end.asked)) == (3, 1)


def test_apply_waits_for_nodes_that_are_late_and_says_how_far_they_are(
    plait: Plait, other_end: Any, rule: Path
) -> None:
    states = iter(["behind", "behind", "synced"])
    other_end.on("policy.apply", {"revision": 7, "applied": [], "nodes": {"synced": 1, "of": 2}})
    other_end.on(
        "policy.status",
        lambda payload, headers: {
            "items": [{"node": "a", "state": "synced"}, {"node": "b", "state": next(states, "synced")}]
        },
    )
    told = plait("apply", "-f", str(rule))
    assert (told.exit_code, told.stdout) == (0, "revision 7\n")
    assert told.stderr.startswith("2/2 nodes decide by revision 7")
    assert sum(subject == "policy.status" for subject, _, _ in other_end.asked) == 3


def test_apply_ends_with_7_and_the_names_of_nodes_that_never_follow(plait: Plait, other_end: Any, rule: Path) -> None:
    other_end.on("policy.apply", {"revision": 7, "applied": [], "nodes": {"synced": 0, "of": 1}})
    other_end.on("policy.status", {"items": [{"node": "b", "state": "refused"}]})
    told = plait("apply", "-f", str(rule), "--timeout", "0.3")
    assert told.exit_code == 7
    assert "b (refused)" in told.stderr
    assert told.stdout == "revision 7\n"
    assert plait("apply", "-f", str(rule), "--no-wait").exit_code == 0


def test_apply_says_how_long_the_nodes_took(plait: Plait, other_end: Any, rule: Path) -> None:
    took = {"p50": 0.002, "p99": 0.004, "all": 0.0042}
    other_end.on("policy.apply", {"revision": 7, "applied": [], "nodes": {"synced": 3, "of": 3}, "convergence": took})
    told = plait("apply", "-f", str(rule))
    assert told.stderr == (
        "3/3 nodes decide by revision 7, 0.004 s after it was accepted (half of them after 0.002 s)\n"
    )


def test_rollback_asks_for_the_revision(plait: Plait, other_end: Any) -> None:
    done = [{"kind": "VirtualService", "namespace": "default", "name": "reviews", "action": "configured"}]
    other_end.on("policy.rollback", {"revision": 9, "applied": done})
    told = plait("rollback", "7", "--dry-run")
    assert told.stdout == "revision 9 (dry run: nothing was changed)\nVirtualService/default/reviews configured\n"
    assert json.loads(other_end.asked[0][1]) == {"revision": 7}
    other_end.on("policy.rollback", {"errors": [{"code": "failed_precondition", "message": "no revision 70"}]})
    assert plait("rollback", "70").exit_code == 3
    assert plait("rollback", "seven").exit_code == 2


def test_history_shows_the_revisions_and_from_where_on_they_are_kept(plait: Plait, other_end: Any) -> None:
    step = {"revision": 9, "time": "2026-01-02T03:04:05Z", "action": "apply", "changed": list("abcd"), "changes": 6}
    other_end.on("policy.history", {"revision": 9, "from": 3, "items": [{**step, "active": True}]})
    told = plait("history", "--limit", "5")
    assert told.stdout.splitlines()[1].split()[-7:] == ["*", "a,", "b,", "c", "and", "3", "more"]
    assert "revision 3 is the oldest" in told.stderr
    assert json.loads(other_end.asked[0][1]) == {"limit": 5}
    assert plait("history", "-o", "name").stdout == "revision/9\n"


def test_diff_tells_what_would_change_and_exits_3_where_something_would(
    plait: Plait, other_end: Any, tmp_path: Path
) -> None:
    other_end.on("policy.apply", {"revision": 7, "applied": []})
    other_end.on("policy.get", {"revision": 7, "items": [IN_FORCE]})
    same = tmp_path / "same.yaml"
    same.write_text(yaml.safe_dump(IN_FORCE))
    told = plait("diff", "-f", str(same))
    assert (told.exit_code, told.stdout) == (0, "")
    assert b"plait-dry-run: true" in other_end.asked[0][2]
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({**IN_FORCE, "spec": {"hosts": ["ratings"]}}))
    told = plait("diff", "-f", str(other))
    assert told.exit_code == 3
    assert told.stdout.splitlines()[:2] == [
        "--- in force/VirtualService/default/reviews",
        "+++ files/VirtualService/default/reviews",
    ]
    assert [line for line in told.stdout.splitlines()[2:] if line[0] in "+-"] == ["-  - reviews", "+  - ratings"]
    other_end.on("policy.get", {"revision": 7, "items": []})
    (change,) = json.loads(plait("diff", "-f", str(other), "-o", "json").stdout)["items"]
    assert (change["action"], change["diff"].splitlines()[0]) == ("created", "--- /dev/null")


def test_diff_of_a_bundle_that_would_be_refused_says_why(plait: Plait, other_end: Any, rule: Path) -> None:
    other_end.on("policy.apply", {"errors": [{"code": "required", "line": 1, "message": "no spec"}]})
    told = plait("diff", "-f", str(rule))
    assert told.exit_code == 3
    assert "(line 1): no spec [required]" in told.stderr


def test_config_asks_the_node_itself_page_by_page(plait: Plait, other_end: Any) -> None:
    route = {
        "document": "VirtualService/default/reviews",
        "path": "$.spec.http[0]",
        "hosts": ["reviews"],
        "gateways": ["mesh"],
        "matches": [],
        "to": ["reviews v1"],
        "values": [{"field": "timeout", "value": 2.0, "from": "VirtualService/default/reviews $.spec.http[0]"}],
    }
    other_end.on("registry.resolve", {"revision": 1, "instances": [{"id": "r-1", "service": "reviews", "node": "n1"}]})
    other_end.on(
        "config.n1",
        lambda payload, headers: (
            {"revision": 7, "items": [route]}
            if "offset" in json.loads(payload)
            else {"revision": 7, "items": [route], "next": 1}
        ),
    )
    told = plait("config", "routes", "n1")
    assert (
        told.stdout.splitlines()[1:]
        == ["reviews  mesh  everything  reviews v1  VirtualService/default/reviews $.spec.http[0]"] * 2
    )
    assert "n1 decides by policy revision 7" in told.stderr
    wide = plait("config", "routes", "n1", "-o", "wide").stdout
    assert "timeout=2.0 (VirtualService/default/reviews $.spec.http[0])" in wide
    assert plait("config", "routes", "nobody").exit_code == 4
    assert plait("config", "clusters", "n1").exit_code == 2
