"""Delegates in bundles: each way in which one can be missing or wrong is refused by name, at the right document."""

import pytest


def service(name, spec, namespace="default"):
    head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
    return f"---\n{head}metadata: {{ name: {name}, namespace: {namespace} }}\nspec: {{ {spec} }}\n"


HANDING = "hosts: [reviews], http: [{ match: [{ uri: { prefix: /a } }], delegate: { name: part, namespace: shop } }]"
TO_B = "route: [{ destination: { host: b } }]"
ROOT = service("root", HANDING)
PART = service("part", f"http: [{{ {TO_B} }}]", "shop")


def test_a_root_and_its_delegate_are_taken_together_or_the_delegate_first(policies, request_of):
    assert policies.apply(ROOT + PART).warnings == ()
    assert policies.decide(request_of(service="reviews", path="/a")).service == "b_shop"


def test_a_delegate_that_nobody_names_is_warned_of(policies):
    (warning,) = policies.apply(PART).warnings
    assert (warning.code, warning.document) == ("no_effect", "VirtualService/shop/part")
    assert policies.apply(ROOT).warnings == ()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("", "there is no VirtualService 'shop/part'"),
        (service("part", f"hosts: [x], http: [{{ {TO_B} }}]", "shop"), "it has hosts of its own"),
        (
            service("part", f"http: [{{ match: [{{ uri: {{ prefix: /b }} }}], {TO_B} }}]", "shop"),
            "can never be reached",
        ),
    ],
)
def test_a_root_whose_delegate_does_not_do_is_refused(policies, part, words):
    (problem,) = policies.check(ROOT + part).problems
    assert (problem.code, problem.document) == ("unknown_delegate", "VirtualService/default/root")
    assert problem.path == "$.spec.http[0].delegate"
    assert words in problem.message


def test_the_nearest_delegate_is_named(policies):
    policies.apply(PART)
    (problem,) = policies.check(ROOT.replace("name: part", "name: prat")).problems
    assert problem.hint == "did you mean 'shop/part'?"


def test_a_delegate_that_is_refused_is_not_also_told_as_missing(policies):
    (problem,) = policies.check(ROOT + PART.replace("host: b", "hots: b")).problems
    assert problem.document == "VirtualService/shop/part"


def test_a_delegate_that_is_named_is_not_deleted(policies):
    policies.apply(ROOT + PART)
    (problem,) = policies.check("", delete=["VirtualService/shop/part"]).problems
    assert (problem.code, problem.document) == ("unknown_delegate", "VirtualService/shop/part")
    assert "VirtualService/default/root (http[0])" in problem.message
    assert policies.check("", delete=["VirtualService/shop/part", "VirtualService/default/root"]).accepted


def test_a_delegate_that_no_longer_fits_is_refused_at_itself(policies):
    policies.apply(ROOT + PART)
    changed = PART.replace("http: [{", "http: [{ match: [{ uri: { exact: /b } }],")
    (problem,) = policies.check(changed).problems
    assert (problem.code, problem.document) == ("unknown_delegate", "VirtualService/shop/part")
    assert "can never be reached" in problem.message


def test_routes_after_one_that_hands_everything_over_may_be_reached(policies):
    policies.apply(PART)
    spec = f"hosts: [reviews], http: [{{ delegate: {{ name: part, namespace: shop }} }}, {{ {TO_B} }}]"
    assert policies.apply(service("root", spec)).warnings == ()
