"""A Resilience's blocks about overload."""

import pytest

from plait.actors.messages.resilience import Admission, Concurrency
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate


def of(spec):
    text = f"apiVersion: plait.dev/v1\nkind: Resilience\nmetadata: {{name: a}}\nspec: {{host: shop, {spec}}}\n"
    documents, problems = read_documents(text)
    assert problems == []
    return translate(documents[0])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("concurrency: {}", Concurrency()),
        ("concurrency: {maxLimit: 8}", Concurrency(8, 8, 8)),
        ("concurrency: {minLimit: 400}", Concurrency(400, 400, 400)),
        (
            "concurrency: {initialLimit: 5, minLimit: 2, maxLimit: 9, queueSize: 1, tolerance: 2}",
            Concurrency(5, 2, 9, 1, 2.0),
        ),
    ],
)
def test_what_is_not_said_of_a_concurrency_limit_is_the_default_or_fits(spec, expected):
    assert of(spec).rule.concurrency == expected


def test_admission():
    assert of("admission: {}").rule.admission == Admission()
    assert of("admission: {successRate: 80, aggression: 2, minRequests: 5}").rule.admission == Admission(80.0, 2.0, 5)
    assert of("admission: {}").rule.concurrency is None


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("concurrency: {minLimit: 9, maxLimit: 8}", "$.spec.concurrency.minLimit"),
        ("concurrency: {initialLimit: 9, maxLimit: 8}", "$.spec.concurrency.initialLimit"),
        ("concurrency: {minLimit: 0}", "$.spec.concurrency.minLimit"),
        ("concurrency: {tolerance: 0.5}", "$.spec.concurrency.tolerance"),
        ("concurrency: {limit: 5}", "$.spec.concurrency.limit"),
        ("admission: {successRate: 0}", "$.spec.admission.successRate"),
        ("admission: {successRate: 101}", "$.spec.admission.successRate"),
        ("admission: {aggression: 0}", "$.spec.admission.aggression"),
    ],
)
def test_mistakes_are_refused_where_they_are(spec, path):
    found = of(spec)
    assert found.rule is None
    assert [one.path for one in found.problems] == [path]
