"""OTP's rules as decisions: who comes again, who goes along, when the supervisor ends too, which specs are wrong."""

import pytest

from plait.actors.runtime.actor import Actor
from plait.actors.runtime.spec import AutoShutdown, ChildSpec, Restart, Strategy
from plait.actors.runtime.strategy import comes_again, complaint, plan, shuts_down

A, B, C, D = (ChildSpec(name, Actor) for name in "abcd")
TEMPORARY = ChildSpec("t", Actor, Restart.TEMPORARY)


@pytest.mark.parametrize(
    ("restart", "failed", "again"),
    [
        (Restart.PERMANENT, True, True),
        (Restart.PERMANENT, False, True),
        (Restart.TRANSIENT, True, True),
        (Restart.TRANSIENT, False, False),
        (Restart.TEMPORARY, True, False),
        (Restart.TEMPORARY, False, False),
    ],
)
def test_the_restart_type_says_who_comes_again(restart, failed, again):
    assert comes_again(restart, failed) is again


def test_one_for_one_touches_nobody_else():
    assert plan(Strategy.ONE_FOR_ONE, [A, B, C], "b") == ((), (), ("b",))


def test_one_for_all_ends_all_in_reverse_and_starts_all_in_order():
    assert plan(Strategy.ONE_FOR_ALL, [A, B, C, D], "b") == (("d", "c", "a"), (), ("a", "b", "c", "d"))


def test_rest_for_one_ends_those_that_were_started_later():
    assert plan(Strategy.REST_FOR_ONE, [A, B, C, D], "b") == (("d", "c"), (), ("b", "c", "d"))


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_temporary_sibling_is_ended_with_the_others_and_not_started_again(strategy):
    assert plan(strategy, [A, TEMPORARY, B], "a") == (("b", "t"), ("t",), ("a", "b"))


@pytest.mark.parametrize(
    ("rule", "significant", "others", "ends"),
    [
        (AutoShutdown.NEVER, True, [False], False),
        (AutoShutdown.ANY_SIGNIFICANT, True, [True], True),
        (AutoShutdown.ANY_SIGNIFICANT, False, [True], False),
        (AutoShutdown.ALL_SIGNIFICANT, True, [True, False], False),
        (AutoShutdown.ALL_SIGNIFICANT, True, [False], True),
    ],
)
def test_significant_children_take_their_supervisor_along(rule, significant, others, ends):
    child, *left = (
        ChildSpec(f"c{n}", Actor, Restart.TRANSIENT, significant=s) for n, s in enumerate([significant, *others])
    )
    assert shuts_down(rule, child, left) is ends


def test_a_wrong_spec_is_named():
    significant = ChildSpec("x", Actor, Restart.PERMANENT, significant=True)
    assert "permanent" in complaint(significant, AutoShutdown.ANY_SIGNIFICANT, "x")
    transient = ChildSpec("x", Actor, Restart.TRANSIENT, significant=True)
    assert "auto_shutdown" in complaint(transient, AutoShutdown.NEVER, "x")
    assert "'/'" in complaint(A, AutoShutdown.NEVER, "a/b")
    assert complaint(A, AutoShutdown.NEVER, "a") == ""
