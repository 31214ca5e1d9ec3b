"""The kind RateLimit of `plait.dev/v1`."""

import pytest

from plait.actors.messages.rate_limit import Limit, RateLimit, Scope
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate


def of(spec):
    text = f"apiVersion: plait.dev/v1\nkind: RateLimit\nmetadata: {{name: a}}\nspec: {spec}\n"
    documents, problems = read_documents(text)
    assert problems == []
    return translate(documents[0])


def test_the_least_that_a_document_says():
    rule = of("{host: reviews, limits: [{requests: 100}]}").rule
    assert rule == RateLimit("default/a", "reviews", "", (Limit("0", 100, 1.0, 100),))


def test_all_that_a_document_may_say():
    spec = """{host: reviews.shop.svc.cluster.local, subset: v2, responseHeaders: true, limits: [
      {name: users, requests: 600, per: 1m, burst: 20, key: {header: End-User, caller: true, route: true},
       routes: [cheap], callers: [productpage, web.front]},
      {name: all, requests: 5, scope: MESH, localShare: 10, lease: 2s, key: {clientAddress: true}}]}"""
    rule = of(spec).rule
    users = Limit(
        "users", 600, 60.0, 20, header="end-user", by_caller=True, by_route=True,
        routes=("cheap",), callers=("productpage", "web_front"),
    )  # fmt: skip
    everybody = Limit("all", 5, 1.0, 5, Scope.MESH, by_client=True, local_share=10.0, lease=2.0)
    assert rule == RateLimit("default/a", "reviews_shop", "v2", (users, everybody), True)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{limits: [{requests: 1}]}", "$.spec.host"),
        ("{host: reviews}", "$.spec.limits"),
        ("{host: reviews, limits: [{}]}", "$.spec.limits[0].requests"),
        ("{host: reviews, limits: [{requests: 0}]}", "$.spec.limits[0].requests"),
        ("{host: reviews, limits: [{requests: 1e99}]}", "$.spec.limits[0].requests"),
        ("{host: reviews, limits: [{requests: 1, per: 0s}]}", "$.spec.limits[0].per"),
        ("{host: reviews, limits: [{requests: 1, per: 48h}]}", "$.spec.limits[0].per"),
        ("{host: reviews, limits: [{requests: 1, per: 60}]}", "$.spec.limits[0].per"),
        ("{host: reviews, limits: [{requests: 1, burst: 0}]}", "$.spec.limits[0].burst"),
        ("{host: reviews, limits: [{requests: 1, scope: PLANET}]}", "$.spec.limits[0].scope"),
        ("{host: reviews, limits: [{requests: 1, key: {header: 'a b'}}]}", "$.spec.limits[0].key.header"),
        ("{host: reviews, limits: [{requests: 1, callers: ['a b']}]}", "$.spec.limits[0].callers[0]"),
        ("{host: reviews, limits: [{requests: 1, scope: MESH, lease: 1h}]}", "$.spec.limits[0].lease"),
        ("{host: reviews, limits: [{requests: 1, scope: MESH, localShare: 101}]}", "$.spec.limits[0].localShare"),
        ("{host: reviews, limits: [{requests: 1, name: a}, {requests: 2, name: a}]}", "$.spec.limits[1].name"),
        ("{host: reviews, limits: [{rate: 1}]}", "$.spec.limits[0].rate"),
    ],
)
def test_mistakes_are_refused_where_they_are(spec, path):
    found = of(spec)
    assert found.rule is None
    assert [one.path for one in found.problems] == [path]


def test_what_means_nothing_for_a_local_limit_is_told():
    found = of("{host: reviews, limits: [{requests: 1, lease: 2s, localShare: 5}]}")
    assert found.rule is not None
    assert [one.path for one in found.warnings] == ["$.spec.limits[0].localShare", "$.spec.limits[0].lease"]
