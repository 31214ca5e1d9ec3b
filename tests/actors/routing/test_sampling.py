"""Which Telemetry counts for a gateway: the narrowest that says something."""

import pytest

from plait.actors.messages.telemetry import Telemetry
from plait.actors.routing.sampling import sampling

EDGE = {"istio": "ingressgateway", "app": "edge"}
ROOT = Telemetry("istio-system/mesh", {}, 1.0)
OWN = Telemetry("default/all", {}, 10.0)
SELECTS = Telemetry("istio-system/edge", {"app": "edge"}, 50.0)


@pytest.mark.parametrize(
    ("policies", "percent"),
    [
        ([], None),
        ([ROOT], 1.0),
        ([ROOT, OWN], 10.0),
        ([SELECTS, ROOT, OWN], 50.0),
        ([Telemetry("default/silent"), ROOT], 1.0),
        ([Telemetry("other/all", {}, 5.0)], None),
        ([Telemetry("default/other", {"app": "other"}, 5.0), ROOT], 1.0),
        ([Telemetry("default/b", {}, 5.0), Telemetry("default/a", {}, 6.0)], 6.0),
        ([OWN, Telemetry("default/none", {"app": "edge"}, 0.0)], 0.0),
    ],
)
def test_the_narrowest_policy_that_names_a_share_counts(policies, percent):
    assert sampling(policies, "default", EDGE) == percent
