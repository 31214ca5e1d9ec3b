"""Proxies in front: who the client is and how it speaks, by as many of them as are trusted."""

import pytest

from plait.gateway.forwarded import client


@pytest.mark.parametrize(
    ("chain", "hops", "address", "passed_on"),
    [
        (None, 1, "9.9.9.9", "9.9.9.9"),
        ("1.1.1.1", 1, "1.1.1.1", "1.1.1.1,9.9.9.9"),
        ("6.6.6.6, 1.1.1.1", 1, "1.1.1.1", "6.6.6.6, 1.1.1.1,9.9.9.9"),
        ("6.6.6.6, 1.1.1.1,2.2.2.2", 2, "1.1.1.1", "6.6.6.6, 1.1.1.1,2.2.2.2,9.9.9.9"),
        ("1.1.1.1", 2, "9.9.9.9", "1.1.1.1,9.9.9.9"),
        ("1.1.1.1,", 1, "9.9.9.9", "1.1.1.1,,9.9.9.9"),
        ("1.1.1.1", 0, "9.9.9.9", "1.1.1.1,9.9.9.9"),
    ],
)
def test_the_client_is_whom_the_outermost_trusted_proxy_saw(chain, hops, address, passed_on):
    said = {} if chain is None else {"x-forwarded-for": chain}
    found = client("9.9.9.9", "http", said, hops)
    assert (found.address, found.scheme, found.chain) == (address, "http", passed_on)


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("http", "http"), ("", "http"), ("ftp", "http"), ("https,http", "http")]
)
def test_a_scheme_is_taken_over_where_it_is_one(said, scheme):
    assert client("9.9.9.9", "http", {"x-forwarded-proto": said}, 1).scheme == scheme


def test_the_scheme_of_who_came_past_the_outermost_proxy_is_not_believed():
    said = {"x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https"}
    assert client("9.9.9.9", "http", said, 1).scheme == "https"
    assert client("9.9.9.9", "http", said, 2).scheme == "http"
