"""Bookinfo's policies give Bookinfo's results: each file of the well-known example, in our own words."""

import random
from collections import Counter
from pathlib import Path

import pytest

from plait.actors.messages.error import NoRoute
from plait.actors.messages.rule import Fault
from plait.actors.messages.traffic import Balancer

FILES = sorted(path.stem for path in (Path(__file__).parent / "bookinfo").glob("*.yaml"))
JASON = [("accept", "text/html"), ("end-user", "jason")]


@pytest.mark.parametrize("name", FILES)
def test_every_file_applies(policies, name):
    policies.bookinfo("destination-rule-all", name)
    assert len(FILES) == 20


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/productpage", True),
        ("/login", True),
        ("/logout", True),
        ("/static/bootstrap.css", True),
        ("/api/v1/products/0/reviews", True),
        ("/", False),
        ("/productpage/x", False),
        ("/api/v2", False),
    ],
)
def test_the_gateway_lets_in_what_the_page_needs(policies, request_of, path, found):
    policies.bookinfo("bookinfo-gateway")
    view = request_of(gateway=("default/bookinfo-gateway",), authority="anything:8080", path=path)
    if not found:
        with pytest.raises(NoRoute, match="no route matches GET"):
            policies.decide(view)
        return
    decision = policies.decide(view)
    assert (decision.service, decision.subset, decision.port) == ("productpage", "", 9080)
    assert (decision.rule_set, decision.index) == ("default/bookinfo", 0)


def test_destination_rules_alone_change_nothing(policies, request_of):
    policies.bookinfo("destination-rule-all", "destination-rule-all-mtls")
    decision = policies.decide(request_of(service="reviews"))
    assert (decision.rule_set, decision.index, decision.subset, decision.upstream.labels) == ("", -1, "", {})
    assert decision.upstream.policy.balancer is Balancer.LEAST_REQUEST


def test_reviews_are_picked_at_random_when_asked(policies, request_of):
    policies.bookinfo("destination-rule-reviews")
    assert policies.decide(request_of(service="reviews")).upstream.policy.balancer is Balancer.RANDOM


def test_mutual_tls_is_a_note_not_an_error(policies):
    policies.bookinfo()
    outcome = policies.apply((Path(__file__).parent / "bookinfo" / "destination-rule-all-mtls.yaml").read_text())
    assert {one.code for one in outcome.warnings} == {"no_effect"}
    assert len(outcome.warnings) == 4


def test_all_goes_to_v1(policies, request_of):
    policies.bookinfo("destination-rule-all", "virtual-service-all-v1")
    for service in ("productpage", "reviews", "ratings", "details"):
        decision = policies.decide(request_of(service=service, headers=JASON))
        assert (decision.service, decision.subset, decision.upstream.labels) == (service, "v1", {"version": "v1"})


@pytest.mark.parametrize(
    ("name", "jason", "others"),
    [("virtual-service-reviews-test-v2", "v2", "v1"), ("virtual-service-reviews-jason-v2-v3", "v2", "v3")],
)
def test_jason_gets_his_own_reviews(policies, request_of, name, jason, others):
    policies.bookinfo("destination-rule-all", name)
    assert policies.decide(request_of(service="reviews", headers=JASON)).subset == jason
    assert policies.decide(request_of(service="reviews", baggage={"end-user": "jason"})).subset == jason
    assert policies.decide(request_of(service="reviews", headers=[("end-user", "jane")])).subset == others
    assert policies.decide(request_of(service="reviews")).subset == others


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("virtual-service-ratings-test-delay", Fault(7.0, 100.0)),
        ("virtual-service-ratings-test-abort", Fault(0.0, 0.0, 500, 100.0)),
    ],
)
def test_jason_meets_the_fault(policies, request_of, name, fault):
    policies.bookinfo("destination-rule-all", name)
    assert policies.decide(request_of(service="ratings", headers=JASON)).fault == fault
    assert policies.decide(request_of(service="ratings")).fault is None


def test_details_can_fail_for_all(policies, request_of):
    policies.bookinfo("fault-injection-details-v1")
    assert policies.decide(request_of(service="details")).fault == Fault(0.0, 0.0, 555, 100.0)


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("virtual-service-reviews-90-10", {"v1": 90, "v2": 10}),
        ("virtual-service-reviews-80-20", {"v1": 80, "v2": 20}),
        ("virtual-service-reviews-50-v3", {"v1": 50, "v3": 50}),
        ("virtual-service-reviews-v2-v3", {"v2": 50, "v3": 50}),
        ("virtual-service-reviews-v3", {"v3": 100}),
    ],
)
def test_reviews_are_split(policies, request_of, name, shares):
    policies.bookinfo("destination-rule-all", name)
    table, rng, view = policies.table, random.Random(7), request_of(service="reviews")
    from plait.actors.routing.decide import decide

    seen = Counter(decide(table, view, rng.random).subset for _ in range(10_000))
    assert set(seen) == set(shares)
    for subset, share in shares.items():
        assert abs(seen[subset] / 100 - share) < 1.5


@pytest.mark.parametrize(("name", "subset"), [("db", "v2"), ("mysql", "v2-mysql"), ("mysql-vm", "v2-mysql-vm")])
def test_ratings_come_from_a_database(policies, request_of, name, subset):
    policies.bookinfo("destination-rule-all", f"virtual-service-ratings-{name}")
    assert policies.decide(request_of(service="ratings")).subset == subset
    assert policies.decide(request_of(service="reviews")).subset == "v3"
