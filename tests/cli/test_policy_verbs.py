"""The verbs of policy against a policy engine that says what the test wants."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from plait.cli.bundle import Bundle

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


def test_apply_prints_the_revision_and_what_was_applied(plait: Plait, other_end: Any, rule: Path) -> None:
    other_end.on("policy.apply", {"revision": 7, "applied": ["VirtualService/default/reviews"], "warnings": []})
    told = plait("apply", "-f", str(rule))
    assert told.exit_code == 0
    assert told.stdout == "revision 7\nVirtualService/default/reviews\n"
    assert other_end.asked == [("policy.apply", RULE.encode(), b"")]


def test_dry_run_and_no_wait_travel_as_headers(plait: Plait, other_end: Any, rule: Path) -> None:
    other_end.on("policy.apply", {"revision": 7, "applied": []})
    assert plait("apply", "-f", str(rule), "--dry-run", "--no-wait").exit_code == 0
    assert other_end.asked[0][2] == b"NATS/1.0\r\nplait-wait: false\r\nplait-dry-run: true\r\n\r\n"


def test_a_refusal_names_file_line_and_hint_and_exits_3(plait: Plait, other_end: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE)
    (tmp_path / "b.yaml").write_text(RULE)
    problem = {
        "code": "unknown_field",
        "document": "VirtualService/default/reviews",
        "path": "$.spec.htpp",
        "line": 6,  # a.yaml has 3 lines, then comes the divider
        "message": "unknown field 'htpp'",
        "hint": "did you mean 'http'?",
    }
    other_end.on("policy.apply", {"errors": [problem]})
    told = plait("apply", "-f", str(tmp_path))
    assert told.exit_code == 3
    assert told.stdout == ""
    where = f"{tmp_path}/b.yaml: VirtualService/default/reviews $.spec.htpp (line 2): "
    assert told.stderr.startswith(where + "unknown field 'htpp' [unknown_field]\n  hint: did you mean 'http'?\n")


def test_standard_input_is_a_file_too(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.apply", {"errors": [{"code": "required", "line": 1, "message": "no name"}]})
    told = plait("apply", "-f", "-", stdin=RULE)
    assert told.exit_code == 3
    assert told.stderr.startswith("stdin: (line 1): no name [required]\n")


@pytest.mark.parametrize("text", ["", "# nothing\n---\n"])
def test_an_empty_bundle_is_a_usage_error(plait: Plait, tmp_path: Path, text: str) -> None:
    (tmp_path / "empty.yaml").write_text(text)
    told = plait("apply", "-f", str(tmp_path / "empty.yaml"))
    assert told.exit_code == 2
    assert "no policy document" in told.stderr


def test_a_missing_file_is_one_clear_line(plait: Plait) -> None:
    told = plait("apply", "-f", "nowhere.yaml")
    assert told.exit_code == 2
    assert told.stderr == "error: there is no file nowhere.yaml\n"


def test_first_policy_is_for_a_mesh_without_any(plait: Plait, other_end: Any, rule: Path) -> None:
    revisions = iter((0, 7))
    other_end.on("policy.get", lambda payload, headers: {"revision": next(revisions), "items": []})
    other_end.on("policy.apply", {"revision": 1, "applied": []})
    assert plait("apply", "--first", "-f", str(rule)).stdout == "revision 1\n"
    told = plait("apply", "--first", "-f", str(rule))
    assert (told.exit_code, told.stdout) == (0, "revision 7 is in force already; nothing was changed\n")
    assert [subject for subject, _, _ in other_end.asked] == ["policy.get", "policy.apply", "policy.get"]


def test_first_policy_is_not_applied_by_a_guess(plait: Plait, other_end: Any, rule: Path) -> None:
    other_end.on("policy.get", {"error": {"code": "unavailable", "message": "the store is away"}})
    assert plait("apply", "--first", "-f", str(rule)).exit_code == 6
    assert [subject for subject, _, _ in other_end.asked] == ["policy.get"]


def test_apply_without_a_file_is_a_usage_error(plait: Plait) -> None:
    assert plait("apply").exit_code == 2


def test_a_file_that_is_not_utf_8_is_named_with_its_line(plait: Plait, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"kind: X\nname: \xff\n")
    told = plait("apply", "-f", str(tmp_path / "bad.yaml"))
    assert told.exit_code == 3
    assert "not UTF-8 (line 2)" in told.stderr


def test_nobody_on_the_subject_is_exit_code_6(plait: Plait, other_end: Any, rule: Path) -> None:
    told = plait("apply", "-f", str(rule))
    assert told.exit_code == 6
    assert "has no policy engine" in told.stderr


def test_no_answer_is_exit_code_7(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.get", None)
    told = plait("get", "--timeout", "0.1")
    assert told.exit_code == 7
    assert "within 0.1 s" in told.stderr


def test_names_can_be_handed_to_delete(plait: Plait, other_end: Any) -> None:
    shop = {**IN_FORCE, "metadata": {"name": "web", "namespace": "shop"}}
    other_end.on("policy.get", {"revision": 7, "items": [IN_FORCE, shop]})
    assert plait("get", "-o", "name").stdout == "VirtualService/reviews\nVirtualService/shop/web\n"


def test_get_knows_what_is_no_kind_of_policy(plait: Plait, other_end: Any) -> None:
    told = plait("get", "vss")
    assert told.exit_code == 2
    assert "'vss' is no kind of policy: write VirtualService, DestinationRule" in told.stderr
    assert other_end.asked == []


def test_an_answer_that_is_no_json_is_an_internal_error(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.get", b"\xff\x00")
    assert plait("get").exit_code == 1


def test_get_prints_a_table(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.get", {"revision": 7, "items": [IN_FORCE]})
    told = plait("get")
    assert told.stdout.splitlines() == [
        "KIND            NAMESPACE  NAME     REVISION  AGE",
        "VirtualService  default    reviews         7    -",
    ]
    assert plait("get", "-o", "name").stdout == "VirtualService/reviews\n"


def test_get_as_yaml_can_be_applied_again(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.get", {"revision": 7, "items": [IN_FORCE, IN_FORCE]})
    assert list(yaml.safe_load_all(plait("get", "-o", "yaml").stdout)) == [IN_FORCE, IN_FORCE]


def test_get_of_one_document_asks_for_it_and_misses_it_with_exit_code_4(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.get", {"revision": 7, "items": []})
    assert plait("get", "VirtualService/nowhere").exit_code == 4
    assert json.loads(other_end.asked[0][1]) == {"kind": "VirtualService", "name": "nowhere"}
    assert plait("get").exit_code == 0


def test_a_line_of_the_bundle_finds_its_file() -> None:
    bundle = Bundle([("a", "one\ntwo"), ("b", "three\n"), ("c", '{\n\t"kind": "X"\n}')])
    assert bundle.text == 'one\ntwo\n---\nthree\n---\n{\n "kind": "X"\n}\n'
    assert [bundle.where(line) for line in (1, 2, 4, 7)] == [("a", 1), ("a", 2), ("b", 1), ("c", 2)]
    assert bundle.where(0) == ("", 0)
    assert Bundle([("a", "x")]).where(0) == ("a", 0)
