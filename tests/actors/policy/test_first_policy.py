"""The example that this project began with: refused as it was first written, accepted as it was meant."""

from pathlib import Path

from plait.actors.messages.rule import Fault

CORRECTED = (Path(__file__).parents[3] / "examples" / "policies" / "first-policy.yaml").read_text()

FIRST = """\
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata:
  name: bookinfo-gateway
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: 80
      name: http
      protocol: HTTP
    hosts:
    - "bookinfo.example.com"
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: productpage-virtualservice
spec:
  hosts:
  - "productpage.example.com"
  gateways:
  - bookinfo-gateway
  http:
  - route:
    - destination:
        host: productpage
        port:
          number: 80
    weight: 100
    fault:
      abort:
        status_code: 503
        delay:
          fixedDelay:
            seconds: 1
---
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata:
  name: productpage
spec:
  host: productpage
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
"""


def test_each_mistake_has_one_reason_and_the_right_field(policies):
    outcome = policies.check(FIRST)
    root = "$.spec.http[0]"
    assert [(one.code, one.path, one.line, one.hint) for one in outcome.problems] == [
        ("unknown_field", f"{root}.weight", 31, f"did you mean {root}.route[0].weight?"),
        ("unknown_field", f"{root}.fault.abort.status_code", 34, f"did you mean {root}.fault.abort.httpStatus?"),
        ("unknown_field", f"{root}.fault.abort.delay", 35, f"did you mean {root}.fault.delay?"),
        ("invalid_value", f"{root}.fault.abort.delay.fixedDelay", 36, 'write "1s"'),
    ]
    assert {one.document for one in outcome.problems} == {"VirtualService/default/productpage-virtualservice"}


def test_a_host_outside_its_gateway_is_warned_of(policies):
    meant = FIRST.replace("    weight: 100\n", "").replace("status_code", "httpStatus")
    meant = (
        meant[: meant.index("        delay:")]
        + meant[meant.index("---\napiVersion: networking.istio.io/v1alpha3\nkind: Dest") :]
    )
    outcome = policies.check(meant)
    assert outcome.accepted
    assert "$.spec.hosts[0]" in {one.path for one in outcome.warnings if one.code == "host_not_in_gateway"}


def test_the_corrected_form_is_accepted_and_does_what_was_meant(policies, request_of):
    assert policies.apply(CORRECTED).warnings == ()
    decision = policies.decide(request_of(gateway=("default/bookinfo-gateway",), authority="bookinfo.example.com"))
    assert (decision.service, decision.port) == ("productpage", 9080)
    assert decision.fault == Fault(1.0, 10.0, 503, 10.0)
    assert decision.upstream.policy.balancer.name == "ROUND_ROBIN"
