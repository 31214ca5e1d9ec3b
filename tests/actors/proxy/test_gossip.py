"""Several callers: failures are pooled, successes end them, nobody ejects for the world alone, lies have bounds."""

import random

import msgspec
import pytest

from plait.actors.messages.codec import encode
from plait.actors.messages.complaint import Complaint, Complaints
from plait.actors.messages.error import DeadlineExceeded, NoResponders
from plait.actors.messages.traffic import Outlier
from tests.actors.proxy.court import BAD, GOOD, SUBJECTS, Court


def say(court, speaker, *said, service="s"):
    court.bus.of(speaker).publish(SUBJECTS.health(service, speaker), encode(Complaints(said)))


def out_with(court):
    return {caller.name for caller in court if "i0" in caller.out}


def test_five_failures_in_sum_of_two_callers_eject_everywhere():
    court = Court(4, 5)
    court[0].has("i0", *[BAD] * 3)
    court[1].has("i0", BAD)
    assert out_with(court) == set()
    court[1].has("i0", BAD)
    assert out_with(court) == {"c0", "c1", "c2", "c3"}
    assert court[3].ejected("i0").shared
    assert court[3].ejected("i0").reason == "5 failures in a row with 2 callers"


def test_one_caller_alone_ejects_for_itself_only():
    court = Court(4, 5)
    court[0].has("i0", *[BAD] * 50)
    assert out_with(court) == {"c0"}


def test_a_second_caller_needs_no_more_than_one_failure_to_agree():
    court = Court(4, 5)
    court[0].has("i0", *[BAD] * 5)
    court[1].has("i0", BAD)
    assert out_with(court) == {"c0", "c1", "c2", "c3"}


def test_a_success_of_anybody_ends_the_row():
    court = Court(4, 5)
    court[2].has("i0", GOOD)  # it calls it, too
    court[0].has("i0", *[BAD] * 3)
    court[2].has("i0", GOOD)
    court[1].has("i0", *[BAD] * 2)
    court[0].has("i0", BAD)
    assert out_with(court) == set()
    court[1].has("i0", *[BAD] * 2)
    assert out_with(court) == {"c0", "c1", "c2", "c3"}


def test_old_words_do_not_count():
    court = Court(2, 5)
    court[0].has("i0", *[BAD] * 4)
    court.time.pass_(11.0)
    court[1].has("i0", *[BAD] * 4)
    assert out_with(court) == set()


def test_a_caller_whose_line_is_broken_ejects_nothing_anywhere():
    court = Court(3, 6)
    for caller in court:
        caller.has("i5", GOOD)
    for _ in range(30):
        for name in court.instances:
            court[0].has(name, DeadlineExceeded(), seconds=1.0)
            court[1].has(name, GOOD)
    assert [caller.out for caller in court] == [set(), set(), set()]
    assert sum(subject.endswith(b".c0") for subject, _ in court.bus.sent) == 2  # then it has begun to doubt itself


def test_half_of_the_instances_gone_at_once_is_believed_of_a_caller_that_the_rest_answers():
    court = Court(1, 4)
    for _ in range(8):
        for name in ("i0", "i1"):
            court[0].has(name, NoResponders())
        for name in ("i2", "i3"):
            court[0].has(name, GOOD)
    assert court[0].out == {"i0", "i1"}


def test_who_complains_of_most_instances_is_not_believed_by_others():
    court = Court(3, 4)
    for speaker in ("c0", "c1"):
        say(court, speaker, *[Complaint(name, 1, errors=4) for name in court.instances])
    assert court[2].out == set()


def test_two_liars_eject_no_more_than_the_policy_allows_and_no_instance_that_answers_the_listener():
    court = Court(3, 4)
    for _ in range(20):
        for name in ("i0", "i1"):
            say(court, "c0", Complaint(name, 1, errors=1_000_000))
            court[2].has(name, GOOD)  # the listener knows better
            say(court, "c1", Complaint(name, 1, errors=1))
            court[2].has(name, GOOD)
    assert court[2].out == set()
    for name in ("i0", "i1", "i2", "i3"):
        say(court, "c0", Complaint(name, 1, errors=1_000_000, out=86_400.0))
        say(court, "c1", Complaint(name, 1, errors=1_000_000, out=86_400.0))
    assert len(court[2].out) <= 2
    assert all(court[2].ejected(name).until <= court.time.now + 30.0 for name in court[2].out)


def test_one_speaker_counts_once_whatever_it_says():
    court = Court(2, 4)
    for _ in range(50):
        say(court, "c0", Complaint("i0", 1, errors=999, out=300.0))
    assert court[1].out == set()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        encode(7),
        encode([[["i0", "one", 5]]]),
        encode([[["i0", 1, -5]]]),
        encode([[["i0", 1, 2**63]]]),
        encode([[["i0", 1, 1, 0, 0, float("nan")]]]),
        encode([[["i" * 200, 1, 5]]]),
        encode([[["i0", 1, 5]] * 65]),
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 5000,
        b"\x00" * 20_000,
    ],
)
def test_what_is_no_complaint_is_told_with_its_sender_and_changes_nothing(payload):
    court = Court(2, 4)
    court.bus.of("c0").publish(SUBJECTS.health("s", "c0"), payload)
    assert [speaker for speaker, _ in court[1].unread] == ["c0"]
    assert court[1].hearing.testimonies == {}


def test_strangers_other_lives_and_unknown_instances_are_not_heard_and_take_no_memory():
    court = Court(1, 4)
    for number in range(1000):
        say(court, f"stranger-{number}", Complaint("i0", 1, errors=4))
    court.callers["c9"] = None  # in the registry, without a judge of its own
    say(court, "c9", Complaint("i0", 2, errors=4), Complaint("nobody", 1, errors=4))
    say(court, "c9", Complaint("i0", 1, errors=4), service="other")
    assert court[0].hearing.testimonies == {}
    assert court[0].gossip.strangers == 1000


def test_words_of_many_callers_take_bounded_memory():
    court = Court(1, 4)
    for number in range(200):
        court.callers[f"x{number}"] = None
        say(court, f"x{number}", Complaint("i0", 1, gateway=1))
    (testimony,) = court[0].hearing.testimonies["s"].values()
    assert len(testimony.words) <= 33
    court[0].directory.take_out("s", "i0")
    court[0].has("i1", BAD)
    assert list(court[0].hearing.testimonies["s"]) == [court[0].endpoint("i1")]


def test_a_node_that_comes_later_learns_who_is_out_without_failing():
    court = Court(3, 5)
    court[0].has("i0", *[BAD] * 3)
    court[1].has("i0", *[BAD] * 2)
    late = court.come("c3")
    assert late.out == set()
    court.time.pass_(4.0)
    assert late.ejected("i0").cause == "shared"
    assert late.ejected("i0").until == pytest.approx(court[0].ejected("i0").until)
    court.time.pass_(60.0)
    assert [caller.out for caller in court] == [set()] * 4
    court.time.pass_(60.0)
    assert [caller.out for caller in court] == [set()] * 4


def test_shared_ejections_grow_and_end_everywhere():
    court = Court(3, 5)
    for times in (1, 2, 3):
        court[0].has("i0", *[BAD] * 3)
        court[1].has("i0", *[BAD] * 2)
        assert {caller.ejected("i0").count for caller in court} == {times}
        while any(caller.out for caller in court):
            court.time.pass_(0.5)


def test_after_a_health_check_that_passes_again_late_words_do_not_eject_anew():
    court = Court(3, 5)
    court[0].has("i0", *[BAD] * 3)
    court[1].has("i0", *[BAD] * 2)
    for health in ("critical", "healthy"):
        court.put(msgspec.structs.replace(court.instances["i0"], health=health))
    assert out_with(court) == set()
    say(court, "c1", Complaint("i0", 1, out=25.0))
    say(court, "c2", Complaint("i0", 1, out=25.0))
    assert out_with(court) == set()


def test_a_flood_of_failures_is_told_at_a_bounded_rate_and_what_waited_is_told_in_the_end():
    court = Court(2, 3, Outlier(consecutive_5xx=0, consecutive_gateway_errors=1_000, success_rate_hosts=0))
    for _ in range(1000):
        court[0].has("i0", BAD)
        court.time.pass_(0.001)
    assert len(court.bus.sent) <= 21
    court.time.pass_(0.2)
    (testimony,) = court[1].hearing.testimonies["s"].values()
    assert testimony.words["c0"].counts[0] == 1000


def test_a_cut_off_caller_hears_nothing_and_judges_by_itself():
    court = Court(3, 5)
    court.bus.cut = {"c2"}
    court[0].has("i0", *[BAD] * 3)
    court[1].has("i0", *[BAD] * 2)
    assert out_with(court) == {"c0", "c1"}
    court[2].has("i0", *[BAD] * 5)
    assert out_with(court) == {"c0", "c1", "c2"}


def test_nobody_talks_while_all_is_well():
    court = Court(4, 4)
    for caller in court:
        caller.has("i0", *[GOOD] * 100)
    court.time.pass_(60.0)
    assert court.bus.sent == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_bounds_hold_and_in_the_end_all_are_back(seed):
    """Instances turn bad and good by chance, callers are cut off; no caller ever ejects more than it may, and every
    instance that is well again is in rotation everywhere in the end."""
    rng = random.Random(seed)
    court = Court(rng.randint(1, 5), rng.randint(1, 8), Outlier(interval=1.0, base_ejection=2.0, longest_ejection=8.0))
    bad = set()
    for _ in range(300):
        court.time.pass_(rng.expovariate(10.0))
        if rng.random() < 0.05:
            bad ^= {rng.choice(list(court.instances))}
        if rng.random() < 0.02:
            court.bus.cut ^= {rng.choice(list(court.callers))}
        for caller in court:
            caller.call(lambda _, name, ill=frozenset(bad): (BAD if name in ill and rng.random() < 0.9 else GOOD, 0.01))
            hosts, out = len(court.instances), len(caller.out)
            assert out <= max(hosts // 2, int(hosts > 1))
            assert caller.rotation
    court.time.pass_(60.0)
    assert [caller.out for caller in court] == [set()] * len(court.callers)
    court.time.pass_(60.0)
    assert not court.time.waits


@pytest.mark.parametrize("seed", range(10))
def test_pooled_ejection_takes_far_fewer_failures_than_that_of_each_caller(seed):
    """The promise of issue 7: with four callers at most 40 % of the failed requests of per-caller ejection."""

    def failures(shared):
        rng = random.Random(seed)
        court = Court(4, 5, shared=shared)
        failed = 0
        for _ in range(2000):
            court.time.pass_(0.002)
            failed += not court[rng.randrange(4)].call(lambda _, name: (BAD if name == "i0" else GOOD, 0.01))
        assert out_with(court) == set(court.callers)
        return failed

    alone, together = failures(False), failures(True)
    assert alone == 20
    assert together <= 0.4 * alone
