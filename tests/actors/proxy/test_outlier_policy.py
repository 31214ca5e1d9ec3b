"""What holds for outliers: a traffic policy's block with what a Resilience adds; and callers that do not pool."""

from plait.actors.messages.resilience import Detection, FailureShare, Resilience, SuccessRate
from plait.actors.messages.traffic import Outlier, TrafficPolicy
from plait.actors.proxy.outlier_policy import OUTLIER, detecting
from plait.actors.routing.upstream import Upstream
from tests.actors.proxy.court import BAD, GOOD, Court

ISTIO = Outlier(success_rate_hosts=0, failure_percentage=0.0)
"""As a DestinationRule's block is read: no rates."""


def use(court, policy, detection):
    upstream = Upstream("s", "", {}, TrafficPolicy(outlier=policy), resilience=Resilience("", "s", detection=detection))
    for caller in court:
        caller.cluster = caller.directory.cluster(upstream)


def poorly(court, caller):
    """One instance of five answers every other call, never twice in a row badly."""
    for number in range(5):
        caller.has(f"i{number}", *[GOOD, BAD if number == 0 else GOOD] * 60)
    court.time.pass_(11.0)


def test_without_documents_the_defaults_hold():
    assert detecting(None, None) is OUTLIER
    assert detecting(ISTIO, None) is ISTIO


def test_rates_that_a_traffic_policy_turned_off_are_compared_where_a_resilience_says_so():
    for detection, out in (
        (None, set()),
        (Detection(SuccessRate()), {"i0"}),
        (Detection(failure=FailureShare(40.0)), {"i0"}),
    ):
        court = Court(1, 5)
        use(court, ISTIO, detection)
        poorly(court, court[0])
        assert court[0].out == out


def test_they_hold_where_everything_else_was_turned_off_and_can_be_turned_off_themselves():
    off = Outlier(0, 0, 0, enabled=False)
    assert detecting(off, Detection(SuccessRate())).enabled
    assert detecting(off, Detection(failure=FailureShare())).enabled
    assert not detecting(off, Detection(SuccessRate(hosts=0), FailureShare(percent=0.0), False)).enabled
    court = Court(1, 5)
    use(court, None, Detection(SuccessRate(hosts=0), FailureShare(percent=0.0)))
    poorly(court, court[0])
    assert court[0].out == set()


def test_who_does_not_share_tells_nothing_and_heeds_nothing():
    court = Court(3, 5)
    use(court, None, Detection(shared=False))
    court[0].has("i0", *[BAD] * 5)
    court[1].has("i0", *[BAD] * 4)
    court.time.pass_(6.0)
    assert court.bus.sent == []
    assert [caller.out for caller in court] == [{"i0"}, set(), set()]
    court[1].has("i0", GOOD, *[BAD] * 4)
    assert court.bus.sent == []
    use(court, None, Detection(shared=True))
    court[1].has("i0", BAD)
    assert court[1].out == {"i0"}
    assert court.bus.sent


def test_who_shares_is_not_heeded_by_who_does_not():
    court = Court(3, 5)
    upstream = Upstream("s", "", {}, TrafficPolicy(), resilience=Resilience("", "s", detection=Detection(shared=False)))
    court[2].cluster = court[2].directory.cluster(upstream)
    court[0].has("i0", *[BAD] * 3)
    court[1].has("i0", *[BAD] * 3)
    assert [caller.out for caller in court] == [{"i0"}, {"i0"}, set()]
