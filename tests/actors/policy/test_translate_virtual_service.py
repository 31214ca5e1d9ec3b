"""Each field of a VirtualService: what it becomes, zero and unset told apart, and how mistakes are told."""

import pytest

from plait.actors.messages.rule import (
    Destination,
    Fault,
    MatchKind,
    Mirror,
    RetryPolicy,
    RouteMatch,
    RouteRule,
    StringMatch,
)

ROUTE = "    route:\n    - destination: {host: reviews}\n"
EXACT, PREFIX, REGEX, PRESENT = MatchKind


def of_route(translated, fields, route=ROUTE):
    """The one route with `fields` (one YAML flow line each)."""
    lines = "".join(f"    {line}\n" for line in fields)
    translation = translated(f"  hosts: [reviews]\n  http:\n  - name: r\n{lines}{route}")
    assert translation.problems == ()
    return translation.rule.routes[0]


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        ("", "timeout", None),
        ("timeout: 0s", "timeout", 0.0),
        ("timeout: 0.5s", "timeout", 0.5),
        ("timeout: 1h30m", "timeout", 5400.0),
        ("timeout: null", "timeout", None),
        ("", "retries", None),
        ("retries: {}", "retries", RetryPolicy()),
        ("retries: {attempts: 0}", "retries", RetryPolicy(attempts=0)),
        ("retries: {attempts: 3, perTryTimeout: 2s}", "retries", RetryPolicy(3, 2.0)),
        ("retries: {retryOn: ''}", "retries", RetryPolicy()),
        ("retries: {retryOn: 'gateway-error, 503'}", "retries", RetryPolicy(on=("gateway-error", "503"))),
        ("retries: {backoff: 10ms}", "retries", RetryPolicy(backoff=0.01)),
        ("retries: {retryIgnorePreviousHosts: true}", "retries", RetryPolicy()),
        ("retries: {retryIgnorePreviousHosts: false}", "retries", RetryPolicy(ignore_previous_hosts=False)),
        ("retries: {retryRemoteLocalities: false}", "retries", RetryPolicy()),
        ("retries: {retryRemoteLocalities: true}", "retries", RetryPolicy(remote_localities=True)),
        ("", "mirrors", ()),
        ("mirrors: []", "mirrors", ()),
        ("mirror: {host: b}", "mirrors", (Mirror("b"),)),
        ("mirror: {host: b.shop, subset: v2, port: {number: 80}}", "mirrors", (Mirror("b_shop", "v2", 100.0, 80),)),
        ("{mirror: {host: b}, mirrorPercentage: {value: 0}}", "mirrors", (Mirror("b", percent=0.0),)),
        ("{mirror: {host: b}, mirrorPercentage: {value: 0.5}}", "mirrors", (Mirror("b", percent=0.5),)),
        ("{mirror: {host: b}, mirrorPercentage: {}}", "mirrors", (Mirror("b", percent=0.0),)),
        ("{mirror: {host: b}, mirrorPercent: 0}", "mirrors", (Mirror("b", percent=0.0),)),
        ("{mirror: {host: b}, mirrorPercent: 42}", "mirrors", (Mirror("b", percent=42.0),)),
        (
            "{mirror: {host: b}, mirrorPercent: 42, mirrorPercentage: {value: 1}}",
            "mirrors",
            (Mirror("b", percent=1.0),),
        ),
        (
            "mirrors: [{destination: {host: b}}, {destination: {host: c}, percentage: {value: 0}}]",
            "mirrors",
            (Mirror("b"), Mirror("c", percent=0.0)),
        ),
        ("fault: {delay: {fixedDelay: 7s, percent: 0}}", "fault", Fault(7.0, 0.0)),
        ("fault: {delay: {fixedDelay: 7s, percent: 10}}", "fault", Fault(7.0, 10.0)),
        ("fault: {delay: {fixedDelay: 7s, percent: 10, percentage: {value: 5}}}", "fault", Fault(7.0, 5.0)),
        ("fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 9}}}", "fault", Fault(0.0, 0.0, 503, 9.0)),
        ("", "fault", None),
        ("fault: {delay: {fixedDelay: 7s, percentage: {value: 100}}}", "fault", Fault(7.0, 100.0)),
        ("fault: {delay: {fixedDelay: 7s, percentage: {value: 0.0}}}", "fault", Fault(7.0, 0.0)),
        ("fault: {delay: {fixedDelay: 7s}}", "fault", Fault(7.0, 0.0)),
        ("fault: {abort: {httpStatus: 500, percentage: {value: 0.5}}}", "fault", Fault(0.0, 0.0, 500, 0.5)),
        ("fault: {abort: {httpStatus: 200, percentage: {}}}", "fault", Fault(0.0, 0.0, 200, 0.0)),
        ("", "name", "r"),
        ("", "matches", ()),
        ("match: []", "matches", ()),
        ("match: [{}]", "matches", (RouteMatch(),)),
    ],
)
def test_a_route_has_what_is_written_and_nothing_else(translated, field, attribute, value):
    fields = field[1:-1].split(", mirrorP") if field.startswith("{") else [field] if field else []
    fields = [*fields[:1], *(f"mirrorP{one}" for one in fields[1:])]
    assert getattr(of_route(translated, fields), attribute) == value


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("{name: m}", RouteMatch(name="m")),
        ("{uri: {exact: /a}}", RouteMatch(uri=StringMatch(EXACT, "/a"))),
        ("{uri: {prefix: /a}}", RouteMatch(uri=StringMatch(PREFIX, "/a"))),
        ("{uri: {regex: '/a.*'}}", RouteMatch(uri=StringMatch(REGEX, "/a.*"))),
        ("{uri: {exact: /a}, ignoreUriCase: true}", RouteMatch(uri=StringMatch(EXACT, "/a"), ignore_uri_case=True)),
        ("{uri: {exact: /a}, ignoreUriCase: false}", RouteMatch(uri=StringMatch(EXACT, "/a"))),
        ("{scheme: {exact: https}}", RouteMatch(scheme=StringMatch(EXACT, "https"))),
        ("{method: {exact: GET}}", RouteMatch(method=StringMatch(EXACT, "GET"))),
        ("{authority: {prefix: a}}", RouteMatch(authority=StringMatch(PREFIX, "a"))),
        ("{headers: {End-User: {exact: jason}}}", RouteMatch(headers=(("end-user", StringMatch(EXACT, "jason")),))),
        ("{headers: {x: {exact: ''}}}", RouteMatch(headers=(("x", StringMatch(EXACT, "")),))),
        ("{headers: {x: {}}}", RouteMatch(headers=(("x", StringMatch(PRESENT)),))),
        ("{headers: {x: {regex: '*'}}}", RouteMatch(headers=(("x", StringMatch(PRESENT)),))),
        ("{withoutHeaders: {x: {regex: '.*'}}}", RouteMatch(without_headers=(("x", StringMatch(REGEX, ".*")),))),
        ("{queryParams: {q: {exact: '1'}}}", RouteMatch(query=(("q", StringMatch(EXACT, "1")),))),
        ("{port: 80}", RouteMatch(port=80)),
        ("{statPrefix: shop}", RouteMatch(stat_prefix="shop")),
        ("{sourceLabels: {app: web}}", RouteMatch(source_labels={"app": "web"})),
        ("{sourceNamespace: shop}", RouteMatch(source_namespace="shop")),
        ("{gateways: [mesh]}", RouteMatch(gateways=("mesh",))),
    ],
)
def test_a_match_has_what_is_written_and_nothing_else(translated, match, expected):
    assert of_route(translated, [f"match: [{match}]"]).matches == (expected,)


def test_destinations_keep_subset_port_and_weight(translated):
    route = of_route(
        translated,
        [],
        "    route:\n"
        "    - destination: {host: reviews.shop.svc.cluster.local, subset: v1, port: {number: 9080}}\n"
        "      weight: 80\n"
        "    - destination: {host: ratings}\n"
        "      weight: 20\n"
        "    - destination: {host: details}\n",
    )
    assert route == RouteRule(
        "r",
        (),
        (Destination("reviews_shop", "v1", 80, 9080), Destination("ratings", "", 20), Destination("details", "", 0)),
    )


def test_a_single_destination_needs_no_weight(translated):
    assert of_route(translated, [], "    route: [{destination: {host: a}, weight: 0}]\n").destinations[0].weight == 0


@pytest.mark.parametrize(
    ("head", "hosts", "gateways"),
    [
        ("hosts: [reviews]", ("reviews.default.svc.cluster.local",), ("mesh",)),
        ("hosts: [reviews]\n  gateways: []", ("reviews.default.svc.cluster.local",), ("mesh",)),
        ("hosts: [reviews.shop]", ("reviews.shop.svc.cluster.local",), ("mesh",)),
        ("hosts: [shop.example]\n  gateways: [edge]", ("shop.example",), ("default/edge",)),
        ("hosts: ['*', '*.Example.com']\n  gateways: [a/b]", ("*", "*.example.com"), ("a/b",)),
        ("hosts: [a]\n  gateways: [mesh, edge, edge]", ("a.default.svc.cluster.local",), ("mesh", "default/edge")),
    ],
)
def test_hosts_and_gateways_are_named_in_full(translated, head, hosts, gateways):
    rule = translated(f"  {head}\n  http:\n  - name: r\n{ROUTE}").rule
    assert (rule.hosts, rule.gateways, rule.name) == (hosts, gateways, "default/reviews")
