"""`trafficPolicy.retryBudget`: what it becomes, whom it holds for, and its mistakes where they are."""

import pytest

from plait.actors.messages.traffic import RetryBudget
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate


def of(policy, more=""):
    text = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"
        f"spec: {{host: reviews, trafficPolicy: {policy}{more}}}\n"
    )
    documents, problems = read_documents(text)
    assert problems == []
    return translate(documents[0])


@pytest.mark.parametrize(
    ("block", "budget"),
    [
        ("{}", RetryBudget(20.0, 3, 0.0)),
        ("{percent: 12.5}", RetryBudget(12.5, 3, 0.0)),
        ("{percent: 0, minRetryConcurrency: 0}", RetryBudget(0.0, 0, 0.0)),
        ("{percent: 100, minRetryConcurrency: 10, budgetInterval: 500ms}", RetryBudget(100.0, 10, 0.5)),
    ],
)
def test_what_is_not_given_is_istios_default(block, budget):
    assert of(f"{{retryBudget: {block}}}").rule.policy.budget == budget


def test_without_a_block_the_meshs_own_holds():
    assert of("{}").rule.policy.budget is None


def test_a_subset_inherits_it_or_has_its_own():
    subsets = ", subsets: [{name: v1}, {name: v2, trafficPolicy: {loadBalancer: {simple: RANDOM}}}, "
    subsets += "{name: v3, trafficPolicy: {retryBudget: {percent: 50}}}]"
    rule = of("{retryBudget: {percent: 10}}", subsets).rule
    assert [one.policy and one.policy.budget.percent for one in rule.subsets] == [None, 10.0, 50.0]


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ("{percent: 101}", "percent"),
        ("{percent: -1}", "percent"),
        ("{minRetryConcurrency: -1}", "minRetryConcurrency"),
        ("{minRetryConcurrency: 1.5}", "minRetryConcurrency"),
        ("{budgetInterval: 10}", "budgetInterval"),
        ("{budgetInterval: 2h}", "budgetInterval"),
        ("{minConcurrency: 3}", "minConcurrency"),
    ],
)
def test_mistakes_are_refused_where_they_are(block, field):
    found = of(f"{{retryBudget: {block}}}")
    assert found.rule is None
    assert [one.path for one in found.problems] == [f"$.spec.trafficPolicy.retryBudget.{field}"]
