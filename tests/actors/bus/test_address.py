"""URLs of NATS servers: what they say, and that secrets stay out of what people read."""

import pytest

from plait.actors.bus.address import Address, address, addresses, shown
from plait.actors.messages.error import BusUnavailable


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nats://127.0.0.1:4333", Address("127.0.0.1", 4333)),
        ("nats://bus", Address("bus", 4222)),
        ("bus:5", Address("bus", 5)),
        ("nats://[::1]:5", Address("::1", 5)),
        ("nats://ann:p%40ss@bus:5", Address("bus", 5, "ann", "p@ss")),
        ("nats://ann:@bus:5", Address("bus", 5, "ann", "")),
        ("nats://t0ken@bus:5", Address("bus", 5, token="t0ken")),
        ("tls://ann:pw@bus:5", Address("bus", 5, "ann", "pw", tls=True)),
    ],
)
def test_a_url_says_where_and_who(url, expected):
    assert address(url) == expected


def test_secrets_are_told_to_the_server_alone():
    assert str(address("nats://ann:pw@[::1]:5")) == "nats://[::1]:5"
    assert str(address("nats://t0ken@bus")) == "nats://bus:4222"
    assert str(address("tls://t0ken@bus")) == "tls://bus:4222"
    assert shown(addresses("nats://ann:pw@a:1,tls://b")) == "nats://a:1,tls://b:4222"


@pytest.mark.parametrize("url", ["", "nats://", "http://bus:80", "tls://", "nats://bus:port", "nats://bus:99999"])
def test_what_is_no_such_url_is_refused(url):
    with pytest.raises(BusUnavailable):
        address(url)


@pytest.mark.parametrize(
    "url",
    ["nats://ann:s3cr/et@bus:5", "nats://ann:33/44@bus", "nats://s3cr?et@bus", "nats://a:33#44@b", "nats://s3c]r@b"],
)
def test_a_password_that_is_not_escaped_is_refused_and_not_repeated(url):
    with pytest.raises(BusUnavailable, match="%2F") as caught:
        addresses(url)
    assert not any(part in str(caught.value) for part in ("s3c", "33", "44"))


def test_urls_joined_by_commas_are_one_cluster_with_one_login():
    found = addresses("nats://ann:pw@a:1, nats://b:2,c,nats://bob:x@d,nats://b:2")
    assert found == (
        Address("a", 1, "ann", "pw"),
        Address("b", 2, "ann", "pw"),
        Address("c", 4222, "ann", "pw"),
        Address("d", 4222, "bob", "x"),
    )
    assert addresses("nats://a,nats://t0ken@b")[0].token == "t0ken"


@pytest.mark.parametrize("urls", ["", ",", " , ", "nats://a,http://b", "nats://u:p,w@host:1"])
def test_a_list_without_a_server_or_with_a_bad_one_is_refused(urls):
    with pytest.raises(BusUnavailable):
        addresses(urls)
