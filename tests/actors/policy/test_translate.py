"""The envelope of a document, and the kinds DestinationRule and Gateway."""

# ruff: noqa: E501 (the tables below are read by the line)

import pytest

from plait.actors.messages.rule import DestinationPolicy, GatewayPolicy, Server, Subset
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate

SERVER = "  selector: {istio: ingressgateway}\n  servers:\n  - port: {number: 80, name: http, protocol: HTTP}\n"


def of(text):
    documents, problems = read_documents(text)
    assert problems == []
    return translate(documents[0])


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_all_versions_of_istios_networking_are_read(version):
    text = (
        f"apiVersion: networking.istio.io/{version}\nkind: DestinationRule\nmetadata: {{name: a}}\nspec: {{host: a}}\n"
    )
    assert of(text).rule == DestinationPolicy("default/a", "a")


@pytest.mark.parametrize(
    ("text", "code", "path", "words", "hint"),
    [
        ("apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n", "unsupported_kind", "$.kind", "WorkloadEntry", ""),
        ("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n", "unsupported_kind", "$.kind", "not supported yet", ""),
        ("apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\n", "unsupported_kind", "$.kind", "no Envoy", ""),
        ("apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n", "unsupported_kind", "$.kind", "gateway.networking.k8s.io", ""),
        ("apiVersion: networking.istio.io/v1\nkind: VirtualServise\n", "unknown_kind", "$.kind", "no kind", "VirtualService"),
        ("apiVersion: v1\nkind: Pod\n", "unknown_kind", "$.kind", "no kind", "kinds:"),
        ("apiVersion: networking.istio.io/v1\n", "required", "$.kind", "a kind", ""),
        ("kind: Gateway\n", "required", "$.apiVersion", "apiVersion", "networking.istio.io/v1"),
        ("apiVersion: networking.istio.io/v2\nkind: Gateway\n", "unsupported_version", "$.apiVersion", "v2", "v1beta1"),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n", "required", "$.spec", "a spec", ""),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: [a]\n", "invalid_type", "$.spec", "a mapping", ""),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: {host: a}\n", "required", "$.metadata.name", "a name", ""),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: A_b}\nspec: {host: a}\n", "invalid_value", "$.metadata.name", "no DNS name", ""),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: b.c}\nspec: {host: a}\n", "invalid_value", "$.metadata.namespace", "no namespace", ""),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {nmae: a}\nspec: {host: a}\n", "unknown_field", "$.metadata.nmae", "'nmae'", "$.metadata.name"),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, labels: {a: 1}}\nspec: {host: a}\n", "invalid_type", "$.metadata.labels.a", "a text", '"1"'),
        ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspecs: {}\nspec: {host: a}\n", "unknown_field", "$.specs", "'specs'", "$.spec"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_envelope_is_told_once(text, code, path, words, hint):
    translation = of(text)
    assert translation.rule is None
    (problem,) = translation.problems
    assert (problem.code, problem.path) == (code, path)
    assert words in problem.message
    assert hint in problem.hint


def test_what_a_server_adds_to_metadata_is_let_pass():
    text = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: shop, uid: x,"
        " resourceVersion: '5', generation: 2, creationTimestamp: null, labels: {app: a}, annotations: {b: c}}\n"
        "spec: {host: a}\nstatus: {}\n"
    )
    assert of(text).rule == DestinationPolicy("shop/a", "a_shop")


@pytest.mark.parametrize(
    ("policy", "balancer"),
    [
        ("{}", Balancer.LEAST_REQUEST),
        ("{loadBalancer: {}}", Balancer.LEAST_REQUEST),
        ("{loadBalancer: {simple: UNSPECIFIED}}", Balancer.LEAST_REQUEST),
        ("{loadBalancer: {simple: LEAST_REQUEST}}", Balancer.LEAST_REQUEST),
        ("{loadBalancer: {simple: LEAST_CONN}}", Balancer.LEAST_REQUEST),
        ("{loadBalancer: {simple: ROUND_ROBIN}}", Balancer.ROUND_ROBIN),
        ("{loadBalancer: {simple: RANDOM}}", Balancer.RANDOM),
        ("{tls: {mode: ISTIO_MUTUAL}}", Balancer.LEAST_REQUEST),
    ],
)
def test_a_destination_rule_names_its_balancer(translated, policy, balancer):
    rule = translated(f"  host: a\n  trafficPolicy: {policy}\n", "DestinationRule").rule
    assert rule.policy == TrafficPolicy(balancer)


def test_a_subset_inherits_what_it_does_not_say(translated):
    spec = (
        "  host: a.shop\n  trafficPolicy: {loadBalancer: {simple: RANDOM}}\n  subsets:\n"
        "  - {name: v1, labels: {version: v1}}\n"
        "  - {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n"
        "  - {name: v3, trafficPolicy: {tls: {mode: DISABLE}}}\n"
    )
    translation = translated(spec, "DestinationRule")
    assert translation.rule.service == "a_shop"
    assert translation.rule.subsets == (
        Subset("v1", {"version": "v1"}),
        Subset("v2", {"version": "v2"}, TrafficPolicy(Balancer.ROUND_ROBIN)),
        Subset("v3", {}, TrafficPolicy(Balancer.RANDOM)),
    )
    assert [(one.code, one.path) for one in translation.warnings] == [
        ("no_effect", "$.spec.subsets[2].trafficPolicy.tls.mode")
    ]


@pytest.mark.parametrize(
    ("spec", "path", "code"),
    [
        ("  subsets: []\n", "host", "required"),
        ("  host: 'a.*.local'\n", "host", "invalid_value"),
        ("  host: a\n  subsets: [{labels: {}}]\n", "subsets[0].name", "required"),
        ("  host: a\n  subsets: [{name: v1}, {name: v1}]\n", "subsets[1].name", "invalid_value"),
        ("  host: a\n  subsets: [{name: v1, labels: {version: 1}}]\n", "subsets[0].labels.version", "invalid_type"),
        ("  host: a\n  trafficPolicy: {loadBalancer: {simple: ROUNDROBIN}}\n", "trafficPolicy.loadBalancer.simple", "invalid_value"),
        ("  host: a\n  trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}\n", "trafficPolicy.loadBalancer.simple", "unsupported_value"),
        ("  host: a\n  trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {}}}\n", "trafficPolicy.loadBalancer.zoneAwareLbSetting", "unsupported_field"),
        ("  host: a\n  trafficPolicy: {outlierDetection: {consecutive: 5}}\n", "trafficPolicy.outlierDetection.consecutive", "unknown_field"),
        ("  host: a\n  trafficPolicy: {tls: {mode: SIMPLE}}\n", "trafficPolicy.tls.mode", "unsupported_value"),
        ("  host: a\n  trafficPolicy: {tls: {credentialName: x}}\n", "trafficPolicy.tls.credentialName", "unsupported_field"),
        ("  host: a\n  trafficPolicy: {tunnel: {}}\n", "trafficPolicy.tunnel", "unsupported_field"),
        ("  host: a\n  workloadSelector: {labels: {app: a}}\n", "workloadSelector.labels", "unknown_field"),
        ("  host: a\n  workloadSelector: {matchLabels: {app: 'a*'}}\n", "workloadSelector.matchLabels.app", "invalid_value"),
        ("  host: a\n  workloadSelector: {}\n  exportTo: ['*']\n", "exportTo", "invalid_value"),
        ("  host: a\n  exportTo: [., default]\n", "exportTo[1]", "invalid_value"),
        ("  host: a\n  exportTo: ['*', shop]\n", "exportTo", "invalid_value"),
        ("  host: a\n  exportTo: ['~']\n", "exportTo[0]", "invalid_value"),
        ("  host: a\n  trafficPolicy: {portLevelSettings: [{}]}\n", "trafficPolicy.portLevelSettings[0].port.number", "required"),
        ("  host: a\n  trafficPolicy: {portLevelSettings: [{port: {number: 1}}, {port: {number: 1}}]}\n", "trafficPolicy.portLevelSettings[1].port", "invalid_value"),
        ("  host: a\n  trafficPolicy: {portLevelSettings: [{port: {number: 1}, outlierDetection: {interval: 5}}]}\n", "trafficPolicy.portLevelSettings[0].outlierDetection.interval", "invalid_value"),
        ("  host: a\n  simple: RANDOM\n", "simple", "unknown_field"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_destination_rule_is_told_once(translated, spec, path, code):
    problems = translated(spec, "DestinationRule").problems
    assert [(one.code, one.path) for one in problems] == [(code, f"$.spec.{path}")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", ()),
        ("exportTo: []", ()),
        ("exportTo: ['*']", ()),
        ("exportTo: [.]", ("default",)),
        ("exportTo: [shop, .]", ("shop", "default")),
        ("workloadSelector: {}", ("default",)),
        ("workloadSelector: {}\n  exportTo: [.]", ("default",)),
    ],
)
@pytest.mark.parametrize("kind", ["DestinationRule", "VirtualService"])
def test_a_rule_holds_where_it_is_exported_to(translated, kind, fields, expected):
    if kind == "VirtualService":
        if "workload" in fields:
            return
        fields += "\n  hosts: [a]\n  http: [{route: [{destination: {host: a}}]}]"
    else:
        fields += "\n  host: '*.shop.svc.cluster.local'"
    translation = translated(f"  {fields.strip()}\n", kind)
    assert (translation.problems, translation.warnings) == ((), ())
    assert translation.rule.export_to == expected


def test_a_selector_names_the_callers(translated):
    rule = translated("  host: a\n  workloadSelector: {matchLabels: {app: web}}\n", "DestinationRule").rule
    assert (rule.callers, rule.export_to) == ({"app": "web"}, ("default",))


def test_settings_by_port_inherit_nothing_and_subsets_lay_their_blocks_over_them(translated):
    spec = (
        "  host: a\n  trafficPolicy:\n    loadBalancer: {simple: RANDOM}\n"
        "    portLevelSettings: [{port: {number: 80}}, {port: {number: 81}, loadBalancer: {simple: ROUND_ROBIN}}]\n"
        "  subsets:\n  - {name: v1}\n  - name: v2\n    trafficPolicy:\n      loadBalancer: {simple: RANDOM}\n"
        "      portLevelSettings: [{port: {number: 81}}]\n"
    )
    translation = translated(spec, "DestinationRule")
    least, turns, anyone = (
        TrafficPolicy(one) for one in (Balancer.LEAST_REQUEST, Balancer.ROUND_ROBIN, Balancer.RANDOM)
    )
    assert translation.rule.policy == anyone
    assert translation.rule.ports == ((80, least), (81, turns))
    assert translation.rule.subsets == (Subset("v1", {}), Subset("v2", {}, anyone, ((80, anyone), (81, least))))
    assert {one.code for one in translation.warnings} == {"approximated"}
    assert len(translation.warnings) == 3


def test_a_misplaced_field_is_told_its_place(translated):
    (problem,) = translated("  host: a\n  simple: RANDOM\n", "DestinationRule").problems
    assert problem.hint == "did you mean $.spec.trafficPolicy.loadBalancer.simple?"


def test_a_gateway_has_selector_ports_and_hosts(translated):
    rule = translated(f"{SERVER}    hosts: ['*', shop/a.example.com, ./*.example.com]\n    name: web\n", "Gateway").rule
    server = Server(80, "HTTP", ("*", "a.example.com", "*.example.com"), "web", ("*", "shop", "."))
    assert rule == GatewayPolicy("default/reviews", {"istio": "ingressgateway"}, (server,))


@pytest.mark.parametrize(
    ("spec", "path", "code"),
    [
        ("  selector: {}\n", "servers", "required"),
        ("  servers: [{hosts: ['*']}]\n", "servers[0].port", "required"),
        ("  servers: [{port: {protocol: HTTP}, hosts: ['*']}]\n", "servers[0].port.number", "required"),
        ("  servers: [{port: {number: 80}, hosts: ['*']}]\n", "servers[0].port.protocol", "required"),
        ("  servers: [{port: {number: 70000, protocol: HTTP}, hosts: ['*']}]\n", "servers[0].port.number", "invalid_value"),
        ("  servers: [{port: {number: 80, protocol: HTPP}, hosts: ['*']}]\n", "servers[0].port.protocol", "invalid_value"),
        ("  servers: [{port: {number: 80, protocol: HTTPS}, hosts: ['*']}]\n", "servers[0].port.protocol", "unsupported_value"),
        ("  servers: [{port: {number: 80, protocol: TCP}, hosts: ['*']}]\n", "servers[0].port.protocol", "unsupported_value"),
        ("  servers: [{port: {number: 80, protocol: HTTP}}]\n", "servers[0].hosts", "required"),
        ("  servers: [{port: {number: 80, protocol: HTTP}, hosts: ['a*']}]\n", "servers[0].hosts[0]", "invalid_value"),
        ("  servers: [{port: {number: 80, protocol: HTTP}, hosts: ['A_/a']}]\n", "servers[0].hosts[0]", "invalid_value"),
        ("  servers: [{port: {number: 80, protocol: HTTP}, hosts: ['*'], tls: {mode: SIMPLE}}]\n", "servers[0].tls.mode", "unsupported_field"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_gateway_is_told_once(translated, spec, path, code):
    assert [(one.code, one.path) for one in translated(spec, "Gateway").problems] == [(code, f"$.spec.{path}")]
