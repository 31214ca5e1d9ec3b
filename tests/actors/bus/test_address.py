"""URLs of NATS servers: what they say, and that secrets stay out of what people read."""

import pytest

from plait.actors.bus.address import Address, address
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
    ],
)
def test_a_url_says_where_and_who(url, expected):
    assert address(url) == expected


def test_secrets_are_told_to_the_server_alone():
    assert str(address("nats://ann:pw@[::1]:5")) == "nats://[::1]:5"
    assert str(address("nats://t0ken@bus")) == "nats://bus:4222"
    assert address("nats://ann:pw@bus").credentials() == {"user": "ann", "pass": "pw"}
    assert address("nats://t0ken@bus").credentials() == {"auth_token": "t0ken"}
    assert address("nats://bus").credentials() == {}


@pytest.mark.parametrize("url", ["", "nats://", "http://bus:80", "tls://bus:5", "nats://bus:port", "nats://bus:99999"])
def test_what_is_no_such_url_is_refused(url):
    with pytest.raises(BusUnavailable):
        address(url)
