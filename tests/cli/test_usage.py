"""`plait ls instances SERVICE`: what several callers see, put together; who does not answer is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from plait.cli.usage import together

Plait = Callable[..., Result]


def _row(name: str, **more: Any) -> dict[str, Any]:
    zero = {"requests": 0, "rate": 0.0, "latency": 0.0, "score": 1.0, "active": 0, "failing": 0.0, "weight": 1.0}
    return {"instance": name, **zero, "picks": [], **more}


BUSY = {
    "gateway-1": [
        _row("r1", requests=300, rate=30.0, latency=0.010, active=2, score=1.0),
        _row("r2", requests=100, rate=10.0, latency=0.050, active=1, score=0.5),
    ],
    "page-1": [
        _row("r1", requests=100, rate=10.0, latency=0.030, active=1, score=0.6),
        _row("r2", requests=0, picks=[{"subset": "", "out": "ejected"}, {"subset": "v1", "out": "ejected"}]),
    ],
    "details-1": [_row("r1"), _row("r2")],
}


def test_shares_are_of_all_calls_and_means_in_proportion_to_each_callers() -> None:
    first, second = together([{"id": "r1"}, {"id": "r2"}], BUSY)
    assert (first["active"], first["share"], first["rate"]) == (3, 0.8, 40.0)
    assert first["latency"] == pytest.approx(0.015)
    assert first["score"] == pytest.approx(0.9)
    assert (second["share"], second["latency"]) == (0.2, 0.05)


def test_nodes_that_do_not_call_it_are_no_callers() -> None:
    first, second = together([{"id": "r1"}, {"id": "r2"}], BUSY)
    assert [one["node"] for one in first["callers"]] == ["gateway-1", "page-1"]
    assert second["out"] == {"ejected": "1 of 2 callers"}


def test_without_callers_nothing_is_made_up() -> None:
    (one,) = together([{"id": "r1", "weight": 3}], {"details-1": [_row("r1")]})
    assert (one["share"], one["score"], one["latency"], one["callers"]) == (None, None, None, [])
    assert (one["weight"], one["active"]) == (3, 0)


@pytest.fixture
def mesh(other_end: Any) -> Any:
    members = [
        {"id": name, "service": service, "version": "v1", "labels": {}, "locality": "eu/a", "node": node}
        | {"health": "healthy"}
        for name, service, node in (("r1", "reviews", "n1"), ("r2", "reviews", "n1"), ("g", "gateway", "gateway-1"))
    ]
    other_end.on("registry.resolve", {"revision": 3, "instances": members})
    other_end.on("config.gateway-1", {"node": "gateway-1", "revision": 1, "items": BUSY["gateway-1"]})
    return other_end


@pytest.mark.process
def test_the_table_shows_what_callers_see_and_names_who_is_silent(plait: Plait, mesh: Any) -> None:
    told = plait("ls", "instances", "reviews")
    assert told.stdout.splitlines() == [
        "INSTANCE  VERSION  NODE  LOCALITY  WEIGHT  HEALTH   SCORE  IN-FLIGHT  LATENCY  SHARE  OUT",
        "r1        v1       n1    eu/a           1  healthy   1.00          2  10.0 ms   75 %  -",
        "r2        v1       n1    eu/a           1  healthy   0.50          1  50.0 ms   25 %  -",
    ]
    assert told.stderr == "no word of n1: what they call is not in it\n"
    assert {json.loads(one[1])["service"] for one in mesh.asked if one[0] == "config.gateway-1"} == {"reviews"}
    whole = json.loads(plait("ls", "instances", "reviews", "-o", "json").stdout)
    assert (whole["kind"], whole["items"][0]["share"]) == ("InstanceList", 0.75)


@pytest.mark.process
def test_long_answers_come_in_pages(plait: Plait, mesh: Any) -> None:
    def answer(payload: bytes, headers: bytes) -> Any:
        offset = json.loads(payload).get("offset", 0)
        page = {"node": "gateway-1", "revision": 1, "items": BUSY["gateway-1"][offset : offset + 1]}
        return page if offset else {**page, "next": 1}

    mesh.on("config.n1", answer)
    items = json.loads(plait("ls", "instances", "reviews", "-o", "json").stdout)["items"]
    assert [one["callers"][-1]["requests"] for one in items] == [300, 100]


@pytest.mark.process
def test_a_service_that_is_not_there_and_a_list_that_has_no_services(plait: Plait, mesh: Any) -> None:
    missing = plait("ls", "instances", "review")
    assert missing.exit_code == 4
    assert "the mesh has no service 'review'" in missing.stderr
    assert "there is reviews" in missing.stderr
    assert plait("ls", "nodes", "reviews").exit_code == 2
