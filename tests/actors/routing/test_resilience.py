"""Which Resilience holds for a destination: the narrower document first, block by block."""

import pytest

from plait.actors.messages.resilience import NOTHING, Balancing, Resilience
from plait.actors.messages.rule import DestinationPolicy, Subset
from plait.actors.messages.traffic import Balancer
from plait.actors.routing.upstream import Upstreams

EWMA, LOAD = Balancing(Balancer.PEAK_EWMA), Balancing(Balancer.REPORTED_LOAD)
V2 = DestinationPolicy("default/r", "reviews", subsets=(Subset("v2", {"version": "v2"}),))


def holds(documents, service="reviews", subset=""):
    return Upstreams([V2], resilience=documents)(service, subset).resilience


def test_nothing_is_said_where_no_document_covers_the_service():
    assert holds([Resilience("default/a", "ratings", "", EWMA)]) is NOTHING


@pytest.mark.parametrize("subset", ["", "v2"])
def test_a_document_of_the_service_holds_for_its_subsets_too(subset):
    assert holds([Resilience("default/a", "reviews", "", EWMA)], subset=subset).balancing == EWMA


def test_a_document_of_the_subset_holds_for_it_alone_and_before_that_of_the_service():
    documents = [Resilience("default/a", "reviews", "", EWMA), Resilience("default/b", "reviews", "v2", LOAD)]
    assert holds(documents, subset="v2").balancing == LOAD
    assert holds(documents).balancing == EWMA


def test_a_block_that_the_narrower_leaves_out_is_that_of_the_wider():
    documents = [Resilience("default/a", "*", "", EWMA), Resilience("default/b", "reviews")]
    assert holds(documents).balancing == EWMA


def test_documents_hold_in_the_services_namespace_and_for_all_from_the_root():
    strange = Resilience("shop/a", "reviews", "", LOAD)
    root = Resilience("istio-system/a", "reviews", "", EWMA)
    assert holds([strange]) is NOTHING
    assert holds([strange, root]).balancing == EWMA
    assert holds([root, Resilience("default/z", "reviews", "", LOAD)]).balancing == LOAD


def test_an_upstream_is_made_anew_when_only_its_resilience_has_changed():
    first = Upstreams([V2], resilience=[Resilience("default/a", "reviews", "", EWMA)])
    before = first("reviews", "")
    same = Upstreams([V2], first, resilience=[Resilience("default/a", "reviews", "", EWMA)])
    assert same("reviews", "") is before
    changed = Upstreams([V2], first, resilience=[Resilience("default/a", "reviews", "", LOAD)])
    assert changed("reviews", "").resilience.balancing == LOAD


def test_callers_that_a_policy_selects_have_it_too():
    selective = DestinationPolicy("default/r", "reviews", callers={"app": "x"})
    upstream = Upstreams([selective], resilience=[Resilience("default/a", "reviews", "", EWMA)])("reviews", "")
    assert upstream.for_caller("default", {"app": "x"}).resilience.balancing == EWMA
    assert upstream.for_caller("default", {}).resilience.balancing == EWMA
