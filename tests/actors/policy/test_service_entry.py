"""ServiceEntries: what becomes of each field, what is refused with its place, and what other documents make of them."""

# ruff: noqa: E501 (one row is one mistake)

import pytest

from plait.actors.messages.external import ClientTls, ExternalEndpoint, ExternalPort, ExternalService
from plait.actors.messages.traffic import Balancer
from plait.actors.policy.finding import of_text
from plait.actors.policy.world import World

HTTP = "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
DNS = f"{HTTP}  resolution: DNS\n"


def document(kind, name, spec):
    return f"---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"


ENTRY = document("ServiceEntry", "api", f"  hosts: [api.example.com]\n{DNS}")
GOOGLE = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: googleapis}
spec:
  hosts: [www.googleapis.com]
  ports:
    - {number: 80, name: http, protocol: HTTP}
    - {number: 443, name: https, protocol: HTTPS}
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rewrite-port}
spec:
  hosts: [www.googleapis.com]
  http:
    - match: [{port: 80}]
      route: [{destination: {host: www.googleapis.com, port: {number: 443}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: googleapis}
spec:
  host: www.googleapis.com
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
    portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]
"""


def test_every_field_has_its_place(translated):
    spec = (
        "  hosts: [API.example.com, httpbin.org]\n  location: MESH_EXTERNAL\n  resolution: STATIC\n"
        "  ports:\n  - {number: 80, name: http, protocol: http, targetPort: 8080}\n"
        "  - {number: 443, name: https, protocol: HTTPS}\n"
        "  endpoints:\n  - {address: 10.0.0.1, labels: {zone: a}, ports: {http: 81}, locality: eu/a}\n"
        "  - {address: '2001:db8::1'}\n"
        "  subjectAltNames: [api.internal]\n  exportTo: ['*']\n"
    )
    translation = translated(spec, "ServiceEntry", "api")
    assert translation.problems == ()
    assert translation.rule == ExternalService(
        "default/api",
        ("api.example.com", "httpbin.org"),
        (ExternalPort(80, "http", False, 8080), ExternalPort(443, "https", True)),
        (ExternalEndpoint("10.0.0.1", {"zone": "a"}, {"http": 81}, "eu/a"), ExternalEndpoint("2001:db8::1")),
        ("api.internal",),
    )
    assert [(one.code, one.path) for one in translation.warnings] == [("approximated", "$.spec.ports[1].protocol")]


@pytest.mark.parametrize(
    ("spec", "path", "code"),
    [
        (DNS, "hosts", "required"),
        (f"  hosts: ['*.example.com']\n{DNS}", "hosts[0]", "unsupported_value"),
        (f"  hosts: [reviews]\n{DNS}", "hosts[0]", "unsupported_value"),
        (f"  hosts: [reviews.default]\n{DNS}", "hosts[0]", "unsupported_value"),
        (f"  hosts: [reviews.shop.svc.cluster.local]\n{DNS}", "hosts[0]", "unsupported_value"),
        (f"  hosts: [{'a' * 63}.{'b' * 63}.example.com]\n{DNS}", "hosts[0]", "unsupported_value"),
        (f"  hosts: ['api.example.com:80']\n{DNS}", "hosts[0]", "invalid_value"),
        (f"  hosts: [a.example, A.example]\n{DNS}", "hosts[1]", "invalid_value"),
        (f"  hosts: [a.example]\n{HTTP}", "resolution", "unsupported_value"),
        (f"  hosts: [a.example]\n{HTTP}  resolution: NONE\n", "resolution", "unsupported_value"),
        (f"  hosts: [a.example]\n{HTTP}  resolution: DYNAMIC_DNS\n", "resolution", "unsupported_value"),
        (f"  hosts: [a.example]\n{HTTP}  resolution: STATIC\n", "endpoints", "required"),
        (f"  hosts: [a.example]\n{DNS}  location: MESH_INTERNAL\n", "location", "unsupported_value"),
        (f"  hosts: [a.example]\n{DNS}  exportTo: ['.']\n", "exportTo", "unsupported_value"),
        (f"  hosts: [a.example]\n{DNS}  workloadSelector: {{labels: {{a: b}}}}\n", "workloadSelector", "unsupported_field"),
        ("  hosts: [a.example]\n  resolution: DNS\n", "ports", "required"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{name: a, protocol: HTTP}]\n", "ports[0].number", "required"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 0, name: a, protocol: HTTP}]\n", "ports[0].number", "invalid_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, protocol: HTTP}]\n", "ports[0].name", "required"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a}]\n", "ports[0].protocol", "required"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: HTPP}]\n", "ports[0].protocol", "invalid_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: TCP}]\n", "ports[0].protocol", "unsupported_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: TLS}]\n", "ports[0].protocol", "unsupported_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: MONGO}]\n", "ports[0].protocol", "unsupported_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: GRPC}]\n", "ports[0].protocol", "unsupported_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: b, protocol: HTTP}]\n", "ports[1].number", "invalid_value"),
        ("  hosts: [a.example]\n  resolution: DNS\n  ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: a, protocol: HTTP}]\n", "ports[1].name", "invalid_value"),
        (f"  hosts: [a.example]\n{DNS}  endpoints: [{{}}]\n", "endpoints[0].address", "required"),
        (f"  hosts: [a.example]\n{DNS}  endpoints: [{{address: 'unix:///x'}}]\n", "endpoints[0].address", "invalid_value"),
        (f"  hosts: [a.example]\n{HTTP}  resolution: STATIC\n  endpoints: [{{address: b.example}}]\n", "endpoints[0].address", "invalid_value"),
        (f"  hosts: [a.example]\n{DNS}  endpoints: [{{address: b.example, ports: {{htp: 1}}}}]\n", "endpoints[0].ports.htp", "invalid_value"),
        (f"  hosts: [a.example]\n{DNS}  endpoints: [{{address: b.example, labels: {{plait.dev/port: '1'}}}}]\n", 'endpoints[0].labels["plait.dev/port"]', "invalid_value"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_once_with_its_place(translated, spec, path, code):
    translation = translated(spec, "ServiceEntry")
    assert [(one.code, one.path) for one in translation.problems] == [(code, f"$.spec.{path}")]
    assert translation.rule is None


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("  addresses: [10.0.0.0/8]\n", "addresses"),
        ("  endpoints: [{address: b.example, weight: 0}]\n", "endpoints[0].weight"),
        ("  endpoints: [{address: b.example, network: ''}]\n", "endpoints[0].network"),
        ("  endpoints: [{address: b.example, serviceAccount: a}]\n", "endpoints[0].serviceAccount"),
    ],
)
def test_what_has_no_effect_is_a_warning_where_it_is_set(translated, field, path):
    translation = translated(f"  hosts: [a.example]\n{DNS}{field}", "ServiceEntry")
    assert [(one.code, one.path) for one in translation.warnings] == [("no_effect", f"$.spec.{path}")]
    assert translation.rule is not None


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("{mode: SIMPLE}", ClientTls()),
        ("{mode: SIMPLE, sni: b.example, subjectAltNames: [c], caCertificates: /ca}", ClientTls("", "", "/ca", ("c",), "b.example")),
        ("{mode: SIMPLE, caCertificates: system, subjectAltNames: []}", ClientTls()),
        ("{mode: MUTUAL, clientCertificate: /c, privateKey: /k}", ClientTls("/c", "/k")),
        ("{mode: DISABLE}", None),
    ],
)  # fmt: skip
def test_tls_settings_of_a_host_outside(translated, tls, expected):
    translation = translated(f"  host: api.example.com\n  trafficPolicy: {{tls: {tls}}}\n", "DestinationRule")
    assert (translation.problems, translation.warnings) == ((), ())
    assert translation.rule.policy.tls == expected


@pytest.mark.parametrize(
    ("policy", "path", "code"),
    [
        ("trafficPolicy: {tls: {mode: MUTUAL, privateKey: /k}}", "trafficPolicy.tls.clientCertificate", "required"),
        ("trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: /c}}", "trafficPolicy.tls.privateKey", "required"),
        ("trafficPolicy: {tls: {insecureSkipVerify: true}}", "trafficPolicy.tls.insecureSkipVerify", "unsupported_field"),
        ("subsets: [{name: a, trafficPolicy: {tls: {mode: SIMPLE}}}]", "subsets[0].trafficPolicy.tls.mode", "unsupported_value"),
    ],
)  # fmt: skip
def test_a_mistake_in_tls_settings_is_told_with_its_place(translated, policy, path, code):
    translation = translated(f"  host: api.example.com\n  {policy}\n", "DestinationRule")
    assert [(one.code, one.path) for one in translation.problems] == [(code, f"$.spec.{path}")]


ROUTE = "  hosts: [a]\n  http: [{route: [{destination: {host: api.example.com%s}}]}]\n"
MIRROR = "  hosts: [a]\n  http: [{route: [{destination: {host: a}}], mirror: {host: api.example.com}}]\n"


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("VirtualService", ROUTE % "", "http[0].route[0].destination.host"),
        ("VirtualService", MIRROR, "http[0].mirror.host"),
        ("DestinationRule", "  host: api.example.com\n", "host"),
    ],
)
def test_a_host_outside_needs_an_entry_in_the_bundle_or_in_force(policies, kind, spec, path):
    (problem,) = policies.check(document(kind, "a", spec)).problems
    assert (problem.code, problem.path) == ("invalid_value", f"$.spec.{path}")
    assert "'api.example.com' is no service of the mesh" in problem.message
    assert "ServiceEntry" in problem.hint
    assert policies.check(document(kind, "a", spec) + ENTRY).problems == ()
    policies.apply(ENTRY)
    assert policies.check(document(kind, "a", spec)).problems == ()


def test_a_port_that_the_entry_does_not_have_is_refused(policies):
    policies.apply(ENTRY)
    (problem,) = policies.check(document("VirtualService", "a", ROUTE % ", port: {number: 81}")).problems
    assert (problem.path, problem.hint) == ("$.spec.http[0].route[0].destination.port.number", "ports: 80")


def test_an_entry_that_is_named_is_not_taken_away(policies):
    policies.apply(ENTRY)
    policies.apply(document("VirtualService", "a", ROUTE % ""))
    (problem,) = policies.check("", delete=("ServiceEntry/default/api",)).problems
    assert "still names what this takes away" in problem.message
    assert policies.check("", delete=("ServiceEntry/default/api", "VirtualService/default/a")).problems == ()


def test_two_entries_of_one_host_are_not_merged(policies):
    policies.apply(ENTRY)
    again = document("ServiceEntry", "more", f"  hosts: [b.example.com, api.example.com]\n{DNS}")
    (problem,) = policies.check(again).problems
    assert (problem.code, problem.path) == ("duplicate_host", "$.spec.hosts[1]")
    assert policies.check(ENTRY).problems == ()


def test_tls_is_for_hosts_outside_alone(policies):
    inside = document("DestinationRule", "a", "  host: a.shop\n  trafficPolicy: {tls: {mode: SIMPLE}}\n")
    (problem,) = policies.check(inside).problems
    assert (problem.code, problem.path) == ("unsupported_value", "$.spec.trafficPolicy.tls.mode")
    outside = document("ServiceEntry", "shop", f"  hosts: [a.shop]\n{DNS}")
    assert policies.check(inside + outside).problems == ()


def test_istios_example_leads_from_port_80_to_443_with_tls(policies, request_of):
    assert policies.apply(GOOGLE).problems == ()
    decision = policies.decide(request_of(service="www_googleapis_com"))
    assert (decision.service, decision.port) == ("www_googleapis_com", 443)
    assert decision.upstream.labels == {"plait.dev/port": "443"}
    assert (decision.upstream.policy.balancer, decision.upstream.policy.tls) == (Balancer.LEAST_REQUEST, ClientTls())


def test_a_call_that_names_no_port_goes_to_80_and_another_where_it_says_so(policies, request_of):
    policies.apply(GOOGLE.partition("---")[0])
    ports = [policies.decide(request_of(service="www_googleapis_com", port=one)).upstream.labels for one in (None, 443)]
    assert ports == [{"plait.dev/port": "80"}, {"plait.dev/port": "443"}]


def test_rules_of_the_entrys_namespace_hold_for_callers_of_others(policies, request_of):
    spaced = ENTRY + document(
        "DestinationRule", "api", "  host: api.example.com\n  subsets: [{name: a, labels: {z: a}}]\n"
    )
    policies.apply(spaced.replace("metadata: {", "metadata: {namespace: shop, "))
    policies.apply(
        document(
            "VirtualService",
            "a",
            "  hosts: [api.example.com]\n  http: [{route: [{destination: {host: api.example.com, subset: a}}]}]\n",
        )
    )
    decision = policies.decide(request_of(service="api_example_com", source_namespace="far"))
    assert decision.upstream.labels == {"z": "a", "plait.dev/port": "80"}


def test_rules_for_hosts_that_no_entry_has_are_warned_of():
    text = document(
        "VirtualService",
        "a",
        "  hosts: [a.example.com, '*.example.org']\n  http: [{route: [{destination: {host: a}}]}]\n",
    )
    found = [(one.code, one.path) for one in of_text(text, {}, World({"a": []}, [], egress=True))]
    assert found == [("no_effect", "$.spec.hosts[0]"), ("no_effect", "$.spec.hosts[1]")]
    entries = document("ServiceEntry", "e", f"  hosts: [a.example.com, b.example.org]\n{DNS}")
    assert of_text(entries + text, {}, World({"a": []}, [], egress=True)) == []


def test_subsets_of_endpoints_are_known_without_an_egress_node():
    rule = document(
        "DestinationRule",
        "api",
        "  host: api.example.com\n  subsets: [{name: a, labels: {z: a}}, {name: b, labels: {z: b}}]\n",
    )
    entry = document(
        "ServiceEntry",
        "api",
        f"  hosts: [api.example.com]\n{DNS}  endpoints: [{{address: x.example, labels: {{z: a}}}}]\n",
    )
    found = [(one.code, one.path) for one in of_text(entry + rule, {}, World({}, [], egress=True))]
    assert found == [("empty_subset", "$.spec.subsets[1]")]
    assert [one.code for one in of_text(entry, {}, World({}, []))] == ["no_egress"]
