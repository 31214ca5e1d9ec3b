"""`plait stat`: what was counted between two looks, summed up by service, version, route and edge."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from plait.cli.rate import Look, between, rows
from plait.tracing.calls import BUCKETS, quantile

Plait = Callable[..., Result]


def _way(source: str, destination: str, codes: dict[str, int], bucket: int = 3, **more: Any) -> dict[str, Any]:
    buckets = [0] * (len(BUCKETS) + 1)
    buckets[bucket] = sum(codes.values())
    own = {"reporter": "source", "source": source, "source_version": "v1", "destination": destination, "version": "v1"}
    return {**own, "subset": "", "route": "", "protocol": "http", "codes": codes, "buckets": buckets, **more}


def _look(at: float, **nodes: list[dict[str, Any]]) -> Look:
    return Look(at, {node: {"node": node, "uptime": at, "items": items} for node, items in nodes.items()})


def _table(before: Look | None, after: Look, group: str = "services") -> list[dict[str, Any]]:
    return rows(between(before, after), group, quantile)


def test_rates_are_of_what_came_between_two_looks() -> None:
    before = _look(10.0, one=[_way("page", "reviews", {"200": 100, "503": 100})])
    after = _look(12.0, one=[_way("page", "reviews", {"200": 118, "503": 102})])
    (row,) = _table(before, after)
    assert (row["service"], row["requests"], row["failed"], row["rps"]) == ("reviews", 20, 2, 10.0)
    assert row["success"] == 0.9
    assert 2.5 < row["p50_ms"] <= 5.0
    assert row["codes"] == {"200": 18, "503": 2}


def test_without_a_first_look_it_is_all_since_the_nodes_began() -> None:
    (row,) = _table(None, _look(20.0, one=[_way("page", "reviews", {"200": 100})]))
    assert (row["requests"], row["rps"]) == (100, 5.0)


def test_a_node_that_began_anew_counts_from_its_beginning() -> None:
    before = _look(10.0, one=[_way("page", "reviews", {"200": 100})])
    after = Look(12.0, {"one": {"uptime": 1.0, "items": [_way("page", "reviews", {"200": 4})]}})
    assert [row["requests"] for row in _table(before, after)] == [4]


def test_a_call_is_counted_once_though_both_ends_tell_of_it() -> None:
    items = [
        _way("page", "reviews", {"200": 4}),
        _way("page", "reviews", {"200": 4}, reporter="destination"),
        _way("unknown", "reviews", {"200": 3}, reporter="destination"),  # of no node of the mesh: `plait call`
    ]
    assert [row["requests"] for row in _table(None, _look(1.0, one=items))] == [7]


def test_nodes_are_summed_and_rows_told_apart_by_what_was_asked_for() -> None:
    one = [_way("page", "reviews", {"200": 90}), _way("page", "reviews", {"200": 10}, version="v3", route="d/r#0")]
    look = _look(1.0, one=one, two=[_way("gateway", "reviews", {"404": 5})])
    assert [(row["source"], row["requests"]) for row in _table(None, look, "edges")] == [("gateway", 5), ("page", 100)]
    versions = _table(None, look, "versions")
    assert [(row["version"], row["requests"]) for row in versions] == [("v1", 95), ("v3", 10)]
    assert [row["success"] for row in versions] == [1.0, 1.0]  # a 404 is an answer
    assert [(row["route"], row["requests"]) for row in _table(None, look, "routes")] == [("d/r#0", 10)]


def test_what_was_not_called_in_the_window_has_no_figures() -> None:
    look = [_way("page", "reviews", {"200": 4})]
    (row,) = _table(_look(1.0, one=look), _look(2.0, one=look))
    assert (row["success"], row["rps"], row["p99_ms"]) == (None, 0.0, None)


@pytest.mark.parametrize("junk", [{"codes": 3, "buckets": "x"}, {"codes": {"x": 1}, "buckets": [None]}, {}])
def test_what_other_releases_say_breaks_nothing(junk: dict[str, Any]) -> None:
    look = Look(1.0, {"one": {"items": [{**_way("page", "reviews", {}), **junk}, junk]}})
    for group in ("services", "versions", "routes", "edges"):
        assert all(row["requests"] == 0 for row in _table(None, look, group))


@pytest.fixture
def mesh(other_end: Any) -> Any:
    members = [{"id": "r1", "service": "reviews", "node": "n1"}, {"id": "p1", "service": "page", "node": "n2"}]
    other_end.on("registry.resolve", {"revision": 3, "instances": members})
    ways = [_way("page", "reviews", {"200": 999, "503": 1}), _way("page", "ratings", {"200": 10})]

    def answer(payload: bytes, headers: bytes) -> Any:
        offset = json.loads(payload).get("offset", 0)
        page = {"node": "n2", "uptime": 10.0, "items": ways[offset : offset + 1]}
        return page if offset else {**page, "next": 1}

    other_end.on("metrics.n2", answer)
    return other_end


@pytest.mark.process
def test_the_table_names_who_is_silent_and_cuts_success_rather_than_rounding_it(plait: Plait, mesh: Any) -> None:
    told = plait("stat", "--window", "0")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "SERVICE  SUCCESS    RPS    P50    P95    P99",
        "ratings  100.00%    1.0  3.8ms  4.9ms  5.0ms",
        "reviews   99.90%  100.0  3.8ms  4.9ms  5.0ms",
    ]
    assert told.stderr == "no word of n1: what they call is not in it\n"
    told = plait("stat", "edges", "page", "--window", "0", "-o", "name")
    assert told.stdout.split() == ["stat/page/ratings", "stat/page/reviews"]


@pytest.mark.process
def test_a_service_that_is_not_there_is_an_error_with_a_guess_and_one_without_calls_is_none(
    plait: Plait, mesh: Any
) -> None:
    told = plait("stat", "services", "reviws", "--window", "0")
    assert told.exit_code == 4
    assert "there is reviews" in told.stderr
    told = plait("stat", "services", "page", "--window", "0")
    assert (told.exit_code, told.stdout) == (0, "")
    assert "nothing was called yet" in told.stderr
    assert plait("stat", "paths").exit_code == 2
