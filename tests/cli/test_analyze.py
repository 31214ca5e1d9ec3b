"""`plait analyze` as users run it: on files alone, against a mesh, and on what is in force."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Plait = Callable[..., Result]

ROOT = Path(__file__).parents[2]
GOOD = sorted([ROOT / "examples" / "bookinfo" / "policies", ROOT / "examples" / "policies"])

ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews, subset: v2}
"""
RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "reviews", "namespace": "default", "resourceVersion": "4"},
    "spec": {"host": "reviews", "subsets": [{"name": "v2", "labels": {"version": "v2"}}]},
}
INSTANCES = {
    "revision": 1,
    "instances": [{"id": "a", "service": "reviews", "version": "v1", "labels": {}, "node": "n"}],
}


@pytest.fixture
def route(tmp_path: Path) -> Path:
    path = tmp_path / "route.yaml"
    path.write_text(ROUTE)
    return path


@pytest.mark.parametrize("folder", GOOD, ids=lambda path: path.name)
def test_nothing_is_found_in_the_examples(plait: Plait, folder: Path) -> None:
    told = plait("analyze", "-f", str(folder), "--offline", "--threshold", "info")
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr == "no findings; checked by themselves, without a mesh\n"


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples/bookinfo/scenarios").glob("*.yaml")))
def test_nothing_is_found_in_a_scenario_beside_the_first_policy(plait: Plait, name: str) -> None:
    scenario = ROOT / "examples/bookinfo/scenarios" / name
    told = plait("analyze", "-f", str(GOOD[0]), "-f", str(scenario), "--offline", "--threshold", "info")
    assert (told.exit_code, told.stdout) == (0, "")


def test_a_finding_names_its_number_file_and_line_and_exits_3(plait: Plait, route: Path) -> None:
    told = plait("analyze", "-f", str(route))
    assert told.exit_code == 3
    assert told.stdout == (
        f"error PLT0201 {route}:8: VirtualService/default/reviews $.spec.http[0].route[0].destination.subset: "
        "no DestinationRule defines subset 'v2' of service 'reviews' [unknown_subset]\n"
    )
    assert told.stderr == "1 error; checked by themselves, without a mesh\n"


@pytest.mark.parametrize(("threshold", "status"), [("info", 3), ("warning", 3), ("error", 0), ("never", 0)])
def test_the_threshold_decides_about_the_exit_code(plait: Plait, tmp_path: Path, threshold: str, status: int) -> None:
    path = tmp_path / "warned.yaml"
    path.write_text(ROUTE.replace("host: reviews, subset: v2", "host: revews"))
    told = plait("analyze", "-f", str(path), "--threshold", threshold)
    assert told.exit_code == status
    assert "did you mean 'reviews'?" in told.stdout


def test_never_ends_well_with_errors_too(plait: Plait, route: Path) -> None:
    assert plait("analyze", "-f", str(route), "--threshold", "never").exit_code == 0


def test_findings_for_machines(plait: Plait, route: Path) -> None:
    told = plait("analyze", "-f", str(route), "-o", "json")
    (item,) = json.loads(told.stdout)["items"]
    assert (item["number"], item["level"], item["code"], item["istio"]) == (
        "PLT0201",
        "error",
        "unknown_subset",
        "IST0101",
    )
    assert (item["file"], item["line"]) == (str(route), 8)
    assert plait("analyze", "-f", str(route), "-o", "name").stdout == "PLT0201/VirtualService/default/reviews\n"


def test_files_are_checked_against_the_mesh_that_runs(plait: Plait, other_end: Any, route: Path) -> None:
    other_end.on("policy.get", {"revision": 4, "items": [RULE]})
    other_end.on("registry.resolve", INSTANCES)
    told = plait("analyze", "-f", str(route), "--threshold", "info")
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr == "no findings; checked against the mesh 'cli-test', policy revision 4\n"
    assert plait("analyze", "-f", str(route), "--offline").exit_code == 3


def test_what_is_in_force_is_checked_page_by_page(plait: Plait, other_end: Any) -> None:
    def page(payload: bytes, headers: bytes) -> dict[str, Any]:
        offset = json.loads(payload).get("offset", 0)
        other = RULE | {"metadata": {"name": "other"}, "spec": {"host": "nobody"}}
        return {"revision": 4, "items": [RULE], "next": 1} if not offset else {"revision": 4, "items": [other]}

    other_end.on("policy.get", page)
    other_end.on("registry.resolve", INSTANCES)
    told = plait("analyze", "-o", "jsonl")
    assert told.exit_code == 0
    found = {(one["code"], one["document"]) for one in map(json.loads, told.stdout.splitlines())}
    assert found == {
        ("empty_subset", "DestinationRule/default/reviews"),
        ("unknown_rule_host", "DestinationRule/default/other"),
    }


def test_a_mesh_that_was_named_and_is_not_there_is_exit_code_6(plait: Plait, route: Path) -> None:
    assert plait("analyze", "-f", str(route), "--nats", "nats://127.0.0.1:1").exit_code == 6


def test_nothing_to_check_is_a_usage_error(plait: Plait) -> None:
    assert plait("analyze", "--offline").exit_code == 2


def test_all_codes_are_listed(plait: Plait) -> None:
    told = plait("analyze", "--codes", "-o", "jsonl")
    assert {
        "number": "PLT0303",
        "level": "warning",
        "code": "unreachable",
        "istio": "IST0130",
        "title": "no request can reach the route",
    } in [json.loads(line) for line in told.stdout.splitlines()]
