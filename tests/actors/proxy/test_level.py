"""Shares of priorities and localities: Envoy's formulas, in examples and for whatever numbers come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import Locality
from plait.actors.proxy.endpoint import Endpoint
from plait.actors.proxy.level import Load, levels, loads
from plait.actors.proxy.locality import here

ME = here("eu/a", "home", {})


def world(**counts):
    """Endpoints by locality, `eu_a=(healthy, unhealthy)`; all of them, and the healthy ones."""
    members, healthy = [], set()
    for name, (up, down) in counts.items():
        where = name.replace("_", "/")
        for number in range(up + down):
            one = Endpoint(Instance(f"{name}-{number}", "s", "v1", {}, where, f"n-{name}-{number}", 1))
            members.append(one)
            if number < up:
                healthy.add(one)
    return members, healthy


def shares(found):
    """Share by locality."""
    return {level.endpoints[0].instance.locality: round(level.share, 4) for level in found if level.share}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # The table of Envoy's documentation on priority levels, https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
        ([(100, 100), (100, 100)], [100, 0]),
        ([(72, 100), (72, 100)], [100, 0]),
        ([(71, 100), (71, 100)], [99.4, 0.6]),
        ([(50, 100), (50, 100)], [70, 30]),
        ([(25, 100), (100, 100)], [35, 65]),
        ([(25, 100), (25, 100)], [50, 50]),
        ([(0, 100), (100, 100)], [0, 100]),
        ([(20, 100), (20, 100), (10, 100)], [40, 40, 20]),
        ([(0, 100), (0, 100)], [0, 0]),
        ([], []),
    ],
)
def test_priorities_take_what_their_health_allows(counts, expected):
    assert [round(100 * load.share, 3) for load in loads(counts)] == pytest.approx(expected)


def test_panic_ignores_the_health_of_one_priority_while_all_together_are_not_well_enough():
    (one, other) = loads([(1, 10), (5, 10)], 50)
    assert (one.panic, other.panic) == (True, False)
    assert (one.share, other.share) == (pytest.approx(1 / 6), pytest.approx(5 / 6))
    assert [one.panic for one in loads([(1, 10), (10, 10)], 50)] == [False, False]


def test_where_all_are_in_panic_size_decides():
    assert loads([(0, 3), (0, 1)], 1) == [Load(0.75, True), Load(0.25, True)]


def test_without_a_threshold_nobody_panics():
    assert not any(one.panic for one in loads([(0, 3), (0, 1)], 0))


counted = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=6)


@given(counted, st.sampled_from([0.0, 0.0, 30.0, 100.0]))
def test_shares_add_up_and_follow_the_formulas(counts, threshold):
    found = loads(counts, threshold)
    able = [min(100.0, 140.0 * up / total) if total else 0.0 for up, total in counts]
    whole = min(100.0, sum(able))
    assert len(found) == len(counts)
    if not whole and not any(one.panic for one in found):
        assert not any(one.share for one in found)
        return
    assert sum(one.share for one in found) == pytest.approx(1.0)
    assert all(0.0 <= one.share <= 1.0 for one in found)
    if found and all(one.panic for one in found):
        return
    left = 100.0
    for health, load in zip(able, found, strict=True):
        expected = min(left, health * 100.0 / whole)
        assert 100.0 * load.share == pytest.approx(expected, abs=1e-6)
        left -= expected


def test_a_caller_stays_near_and_the_order_is_region_zone_subzone():
    members, healthy = world(eu_a=(2, 0), eu_b=(2, 0), us_a=(2, 0), eu_a_1=(1, 0))
    found = levels(members, healthy, ME, Locality())
    assert shares(found) == {"eu/a": 1.0}
    assert [one.endpoints[0].instance.locality for one in found] == ["eu/a", "eu/a/1", "eu/b", "us/a"]


def test_the_next_locality_helps_when_less_than_five_sevenths_are_left():
    assert shares(levels(*world(eu_a=(3, 1), us=(2, 0)), ME, Locality())) == {"eu/a": 1.0}
    assert shares(levels(*world(eu_a=(2, 2), us=(2, 0)), ME, Locality())) == {"eu/a": 0.7, "us": 0.3}
    assert shares(levels(*world(eu_a=(0, 2), us=(2, 0)), ME, Locality())) == {"us": 1.0}


def test_failover_takes_the_named_region_first():
    policy = Locality(failover=(("eu", "us"),))
    assert shares(levels(*world(eu_a=(0, 1), ap=(1, 0), us=(1, 0)), ME, policy)) == {"us": 1.0}
    assert shares(levels(*world(eu_a=(0, 1), ap=(1, 0), us=(0, 1)), ME, policy)) == {"ap": 1.0}


def test_nobody_healthy_is_nobody_to_call():
    assert levels(*world(eu_a=(0, 2), us=(0, 1)), ME, Locality()) == ()
    assert levels([], set(), ME, Locality()) == ()
    assert levels([], set(), ME, Locality(distribute=(("*", (("eu", 100),)),))) == ()


SPREAD = Locality(distribute=(("eu/*", (("eu/a", 70), ("eu/b", 20), ("us/*", 10))),))


def test_percentages_are_met_whatever_the_sizes():
    found = levels(*world(eu_a=(1, 0), eu_b=(9, 0), us_a=(3, 0), us_b=(1, 0), ap=(5, 0)), ME, SPREAD)
    assert shares(found) == {"eu/a": 0.7, "eu/b": 0.2, "us/a": 0.075, "us/b": 0.025}


def test_a_locality_that_is_unwell_hands_on_what_it_cannot_carry():
    # 70 * 1.4 / 4 = 24.5 stay, beside 20 and 10
    found = levels(*world(eu_a=(1, 3), eu_b=(1, 0), us_a=(1, 0)), ME, SPREAD)
    assert shares(found) == {"eu/a": 0.4495, "eu/b": 0.367, "us/a": 0.1835}
    assert shares(levels(*world(eu_a=(0, 3), eu_b=(1, 0), us_a=(1, 0)), ME, SPREAD)) == {"eu/b": 0.6667, "us/a": 0.3333}


def test_who_is_in_no_share_gets_no_call():
    assert levels(*world(ap=(3, 0)), ME, SPREAD) == ()


def test_a_distribution_for_others_leaves_all_alike():
    found = levels(*world(eu_a=(1, 0), us=(2, 0)), here("ap", "n", {}), SPREAD)
    assert [(one.share, len(one.endpoints)) for one in found] == [(1.0, 3)]


def test_in_panic_all_get_calls():
    members, healthy = world(eu_a=(0, 2), us=(1, 3))
    found = levels(members, healthy, ME, Locality(), 50)
    assert sum(len(one.endpoints) for one in found) == 6
    spread = levels(*world(eu_a=(0, 4), eu_b=(1, 1), us_a=(0, 1)), ME, SPREAD, 50)
    assert (shares(spread), [len(one.endpoints) for one in spread]) == (
        {"eu/a": 0.7, "eu/b": 0.2, "us/a": 0.1},
        [4, 2, 1],
    )


places = st.sampled_from(["eu/a", "eu/a/1", "eu/b", "us/a", "ap", ""])
policies = st.sampled_from(
    [Locality(), Locality(failover=(("eu", "us"),)), SPREAD, Locality(priority=("kubernetes.io/hostname",))]
)


@given(st.lists(st.tuples(places, st.booleans()), max_size=20), places, policies, st.sampled_from([0.0, 50.0]))
def test_whoever_is_called_is_a_member_once_and_shares_are_whole_or_nothing(those, where, policy, threshold):
    members = [Endpoint(Instance(f"i-{n}", "s", "v1", {}, at, "n", 1)) for n, (at, _) in enumerate(those)]
    healthy = {one for one, (_, up) in zip(members, those, strict=True) if up}
    found = levels(members, healthy, here(where, "n", {}), policy, threshold)
    called = [one for level in found for one in level.endpoints]
    assert len(called) == len(set(called))
    assert set(called) <= set(members)
    assert all(level.endpoints for level in found)
    if not threshold:
        assert set(called) <= healthy
    if found:
        assert sum(level.share for level in found) == pytest.approx(1.0)
    elif not policy.distribute:
        assert not healthy
