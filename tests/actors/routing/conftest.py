"""What routing's tests share: requests and rules in a few words."""

from types import SimpleNamespace

import pytest

from plait.actors.messages.rule import Destination, MatchKind, RouteMatch, RouteRule, RuleSet, StringMatch


@pytest.fixture
def request_of():
    """Makes requests: `request_of(service="reviews", headers=[("end-user", "jason")])`."""

    def make(**given):
        fields = {
            "method": "GET",
            "scheme": "http",
            "authority": "bookinfo.example.com",
            "path": "/",
            "query": "",
            "headers": [],
            "baggage": {},
            "gateway": (),
            "port": None,
            "service": "reviews",
            "source_service": "",
            "source_labels": {},
            "source_namespace": "default",
        }
        assert set(given) <= set(fields)
        return SimpleNamespace(**(fields | given))

    return make


@pytest.fixture
def exact():
    return lambda value: StringMatch(MatchKind.EXACT, value)


@pytest.fixture
def prefix():
    return lambda value: StringMatch(MatchKind.PREFIX, value)


@pytest.fixture
def regex():
    return lambda value: StringMatch(MatchKind.REGEX, value)


@pytest.fixture
def present():
    return StringMatch(MatchKind.PRESENT)


@pytest.fixture
def to():
    """A route: `to("reviews", match, …)`."""

    def make(service, *matches, name=""):
        return RouteRule(name=name, matches=matches, destinations=(Destination(service),))

    return make


@pytest.fixture
def rules_of():
    """Rules by key, as the policy table has them."""

    def make(*rules):
        kinds = {"RuleSet": "VirtualService", "DestinationPolicy": "DestinationRule", "GatewayPolicy": "Gateway"}
        return {f"{kinds[type(one).__name__]}/{one.name}": one for one in rules}

    return make


@pytest.fixture
def rule_set():
    """A rule set: `rule_set("a", ["reviews.default.svc.cluster.local"], route, …)`."""

    def make(name, hosts, *routes, gateways=("mesh",), order=1):
        return RuleSet(f"default/{name}", tuple(hosts), tuple(gateways), tuple(routes), order)

    return make


@pytest.fixture
def on_path():
    """A match of the path alone."""
    return lambda uri, **more: RouteMatch(uri=uri, **more)
