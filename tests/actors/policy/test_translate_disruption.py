"""The kind Fault of `plait.dev/v1`: what it means, and that it has an owner, a reason and an end."""

import pytest

from plait.actors.messages.disruption import Disruption
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate

WHO = "owner: ann, reason: game day, expires: '2026-11-24T21:00:00Z'"
END = 1795554000.0


def of(spec, who=WHO):
    text = f"apiVersion: plait.dev/v1\nkind: Fault\nmetadata: {{name: a}}\nspec: {{host: reviews, {spec}, {who}}}\n"
    documents, problems = read_documents(text)
    assert problems == []
    return translate(documents[0])


def rule(**more):
    return Disruption("default/a", "reviews", "ann", "game day", END, **more)


@pytest.mark.parametrize(
    ("spec", "meaning"),
    [
        ("abort: {httpStatus: 503}", rule(status=503)),
        ("abort: {httpStatus: 503}, delay: {fixedDelay: 2s}", rule(status=503, delay=2.0)),
        ("drop: true, percentage: {value: 20}", rule(drop=True, percent=20.0)),
        ("duplicate: true, subset: v2, instance: r-1", rule(duplicate=True, subset="v2", instance="r-1")),
        ("partition: true, source: {host: page.shop}", rule(partition=True, source="page_shop")),
    ],
)
def test_it_says_what_happens_to_whose_attempts(spec, meaning):
    found = of(spec)
    assert (found.problems, found.warnings) == ((), ())
    assert found.rule == meaning


@pytest.mark.parametrize(
    ("spec", "who", "path"),
    [
        ("drop: true", "owner: ann, reason: x", "$.spec.expires"),
        ("drop: true", "owner: ann, expires: '2026-11-24T21:00:00Z'", "$.spec.reason"),
        ("drop: true", "reason: x, expires: '2026-11-24T21:00:00Z'", "$.spec.owner"),
        ("drop: true", "owner: a, reason: x, expires: '2026-11-24T21:00:00'", "$.spec.expires"),
        ("drop: true", "owner: a, reason: x, expires: soon", "$.spec.expires"),
        ("drop: false", WHO, "$.spec"),
        ("drop: true, duplicate: true", WHO, "$.spec"),
        ("delay: {}", WHO, "$.spec.delay.fixedDelay"),
        ("abort: {}", WHO, "$.spec.abort.httpStatus"),
        ("abort: {httpStatus: 99}", WHO, "$.spec.abort.httpStatus"),
        ("partition: true", WHO, "$.spec.source"),
        ("partition: true, source: {host: a}, percentage: {value: 5}", WHO, "$.spec.percentage"),
        ("drop: true, until: tomorrow", WHO, "$.spec.until"),
    ],
)
def test_mistakes_are_refused_where_they_are(spec, who, path):
    found = of(spec, who)
    assert found.rule is None
    assert [one.path for one in found.problems] == [path]


@pytest.mark.parametrize(
    ("time", "hint"),
    [("2026-11-24T21:00:00", "2026-11-24T21:00:00Z"), ("2026-11-24", "2026-11-24T00:00:00Z")],
)
def test_a_time_without_a_zone_is_told_with_one_that_is_taken(time, hint):
    (problem,) = of("drop: true", WHO.replace("2026-11-24T21:00:00Z", time)).problems
    assert problem.hint == f'write "{hint}" for UTC'
    assert of("drop: true", WHO.replace("2026-11-24T21:00:00Z", hint)).problems == ()
