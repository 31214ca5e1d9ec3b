"""Names: what may stand in a subject, and the many ways to write one service's name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.error import InvalidName
from plait.actors.messages.name import called_token, host_of, is_outside, label, service_token, token, topic

HOSTILE = ["", " ", "a b", "a.b", "*", ">", "a*", "a>", "a\n", "a\r\nPUB x 0", "\0", "ä", "a/b", "$SRV", "{x}"]


@pytest.mark.parametrize("text", ["a", "0", "reviews", "a-b", "a--b", "v2", "x" * 63])
def test_a_label_is_returned_as_it_is(text):
    assert label(text) == text


@pytest.mark.parametrize("text", [*HOSTILE, "Reviews", "a_b", "-a", "a-", "x" * 64])
def test_what_is_no_label_is_refused_with_its_name(text):
    with pytest.raises(InvalidName, match="node"):
        label(text, "node")


@pytest.mark.parametrize("text", ["a", "A_b-9", "_", "-", "x" * 128])
def test_a_token_is_returned_as_it_is(text):
    assert token(text) == text


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 129])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(InvalidName):
        token(text)


@pytest.mark.parametrize("text", ["a", "orders.created", "A_b.c-9", ".".join("a" * 16), "x" * 127 + "." + "x" * 127])
def test_a_topic_is_returned_as_it_is(text):
    assert topic(text) == text


@pytest.mark.parametrize("text", [*(set(HOSTILE) - {"a.b"}), ".", "a.", ".a", "a..b", ".".join("a" * 17), "x.y" * 86])
def test_what_is_no_topic_is_refused(text):
    with pytest.raises(InvalidName, match="topic"):
        topic(text)


@given(st.text())
def test_a_token_that_passes_has_nothing_that_a_subject_reads_as_syntax(text):
    try:
        token(text)
    except InvalidName:
        return
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text, re.ASCII)


def test_the_error_shows_only_the_start_of_a_long_name():
    with pytest.raises(InvalidName) as caught:
        token("." * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("host", "namespace", "expected"),
    [
        ("reviews", "default", "reviews"),
        ("reviews", "shop", "reviews_shop"),
        ("reviews.default", "shop", "reviews"),
        ("reviews.shop", "default", "reviews_shop"),
        ("reviews.shop.svc", "default", "reviews_shop"),
        ("reviews.shop.svc.cluster.local", "default", "reviews_shop"),
        ("reviews.default.svc.cluster.local", "shop", "reviews"),
        ("x" * 63 + "." + "y" * 63, "default", "x" * 63 + "_" + "y" * 63),
    ],
)
def test_every_way_to_write_a_service_gives_its_one_token(host, namespace, expected):
    assert service_token(host, namespace) == expected
    assert token(expected) == expected


@pytest.mark.parametrize(
    "host",
    ["", ".", "a.", ".a", "a.b.c", "a.b.svc.cluster", "A", "a_b", "a.b.svc.cluster.local.", "*", "*.b", "a.b:80"],
)
def test_other_hosts_are_refused(host):
    with pytest.raises(InvalidName):
        service_token(host)


@pytest.mark.parametrize(
    ("service", "host"),
    [("reviews", "reviews.default.svc.cluster.local"), ("reviews_shop", "reviews.shop.svc.cluster.local")],
)
def test_a_token_and_its_host_name_stand_for_each_other(service, host):
    assert host_of(service) == host
    assert service_token(host) == service


@pytest.mark.parametrize(
    ("host", "namespace", "expected"),
    [
        ("www.example.com", "shop", "www_example_com"),
        ("a.b.svc.cluster", "shop", "a_b_svc_cluster"),
        ("example.com", "shop", "example_com"),
        ("reviews", "shop", "reviews_shop"),
        ("reviews.shop.svc", "default", "reviews_shop"),
        ("reviews.shop.svc.cluster.local", "default", "reviews_shop"),
        ("10.0.0.1", "shop", "10_0_0_1"),
    ],
)
def test_a_host_outside_has_a_token_as_well(host, namespace, expected):
    assert called_token(host, namespace) == expected
    assert host_of(expected) == host or not is_outside(expected)


@pytest.mark.parametrize(
    "host",
    ["", "a..b", "a.b.c.", ".a.b.c", "A.b.c", "a_b.c.d", "a.b.c.svc", "a.b.c.svc.cluster.local", "*.b.c", "a.b.c:80",
     f"{'a' * 63}.{'b' * 63}.c.d"],
)  # fmt: skip
def test_what_is_no_host_has_no_token(host):
    with pytest.raises(InvalidName):
        called_token(host)
