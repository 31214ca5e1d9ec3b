"""Servers of gateways that ask for HTTPS: which hosts they send there, and who is let through."""

import pytest

from plait.actors.messages.error import NoRoute
from plait.actors.messages.rule import GatewayPolicy, Server
from plait.actors.routing.decide import decide
from plait.actors.routing.table import compile_table

EDGE = ("default/edge",)


def goes(table, view):
    """The service, or the location that the client is sent to."""
    try:
        decision = decide(table, view, lambda: 0.0)
    except NoRoute:
        return None
    return decision.service or decision.action.answer.location(view)


@pytest.fixture
def table(rules_of, rule_set, to):
    def make(*servers):
        gate = GatewayPolicy("default/edge", {}, servers)
        return compile_table(rules_of(gate, rule_set("a", ["a.com", "b.com"], to("shop"), gateways=EDGE)))

    return make


@pytest.mark.parametrize(
    ("authority", "scheme", "expected"),
    [
        ("a.com", "http", "https://a.com/p?q=1"),
        ("a.com:80", "http", "https://a.com/p?q=1"),
        ("a.com:8080", "http", "https://a.com:8080/p?q=1"),
        ("a.com", "https", "shop"),
        ("norules.com", "http", "https://norules.com/p?q=1"),
        ("norules.com", "https", None),
        ("other.com", "http", None),
    ],
)
def test_plain_http_is_sent_to_https_whatever_the_routes_say(table, request_of, authority, scheme, expected):
    made = table(Server(80, "HTTP", ("a.com", "b.com", "norules.com"), https_redirect=True))
    view = request_of(gateway=EDGE, port=80, authority=authority, scheme=scheme, path="/p", query="q=1")
    assert goes(made, view) == expected


def test_only_the_hosts_and_ports_of_such_servers_are_sent_there(table, request_of):
    made = table(Server(80, "HTTP", ("a.com",), https_redirect=True), Server(81, "HTTP", ("a.com", "b.com")))
    for port, authority, expected in [
        (80, "a.com", "https://a.com/"),
        (80, "b.com", None),
        (81, "a.com", "shop"),
        (81, "b.com", "shop"),
        (None, "a.com", "https://a.com/"),
        (None, "b.com", "shop"),
    ]:
        assert goes(made, request_of(gateway=EDGE, port=port, authority=authority)) == expected


def test_a_wildcard_server_sends_all_of_its_hosts_there(table, request_of):
    made = table(Server(80, "HTTP", ("*.com",), https_redirect=True))
    assert goes(made, request_of(gateway=EDGE, authority="a.com")) == "https://a.com/"
    assert goes(made, request_of(gateway=EDGE, authority="x.com")) == "https://x.com/"
    assert goes(made, request_of(gateway=EDGE, authority="a.com", scheme="https")) == "shop"


def test_the_reasons_name_it(table, request_of):
    reasons = []
    made = table(Server(80, "HTTP", ("a.com",), https_redirect=True))
    decision = decide(made, request_of(gateway=EDGE, authority="a.com"), lambda: 0.0, reasons)
    assert (decision.rule_set, decision.route, decision.index) == ("", "to-https", -1)
    assert reasons[-1].text == "redirects by 301 to https://a.com/"
