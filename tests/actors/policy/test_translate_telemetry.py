"""Telemetry: what is honoured becomes a rule, all else is refused by name."""

import pytest

from plait.actors.messages.telemetry import Telemetry
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate

HEAD = """
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{ name: mesh, namespace: istio-system }}
spec: {spec}
"""


def of(spec):
    documents, problems = read_documents(HEAD.format(spec=spec))
    assert problems == []
    return translate(documents[0])


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("{ tracing: [{ randomSamplingPercentage: 12.5 }] }", Telemetry("istio-system/mesh", {}, 12.5)),
        ("{ tracing: [{ randomSamplingPercentage: 0 }] }", Telemetry("istio-system/mesh", {}, 0.0)),
        ("{ tracing: [{ disableSpanReporting: true }] }", Telemetry("istio-system/mesh", {}, 0.0)),
        ("{ tracing: [{}] }", Telemetry("istio-system/mesh", {}, None)),
        (
            "{ selector: { matchLabels: { app: edge } }, tracing: [{ randomSamplingPercentage: 1 }] }",
            Telemetry("istio-system/mesh", {"app": "edge"}, 1.0),
        ),
    ],
)
def test_a_share_of_the_requests_is_understood(spec, rule):
    found = of(spec)
    assert (found.problems, found.warnings) == ((), ())
    assert found.rule == rule


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{}", "spec.tracing"),
        ("{ tracing: [{ randomSamplingPercentage: 101 }] }", "spec.tracing[0].randomSamplingPercentage"),
        ("{ tracing: [{ randomSamplingPercentage: many }] }", "spec.tracing[0].randomSamplingPercentage"),
        ("{ tracing: [{}, {}] }", "spec.tracing[1]"),
        ("{ tracing: [{ customTags: { a: { literal: { value: b } } } }] }", "spec.tracing[0].customTags"),
        ("{ tracing: [{ providers: [{ name: zipkin }] }] }", "spec.tracing[0].providers"),
        ("{ tracing: [{}], metrics: [{}] }", "spec.metrics"),
        ("{ tracing: [{}], accessLogging: [{}] }", "spec.accessLogging"),
        ("{ tracing: [{ sampling: 5 }] }", "spec.tracing[0].sampling"),
    ],
)
def test_all_else_is_refused_by_name(spec, path):
    assert f"$.{path}" in [problem.path for problem in of(spec).problems]
