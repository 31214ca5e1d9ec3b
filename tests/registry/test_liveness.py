"""Silence is held against a node only by a watcher that was awake."""

from plait.registry.liveness import Liveness


def test_a_node_is_gone_after_the_limit_and_not_before():
    liveness = Liveness(3.5)
    liveness.begin(0.0)
    liveness.heard("a", 10.0)
    assert liveness.silent(["a"], 13.5, 0.0) == []
    assert liveness.silent(["a"], 13.6, 0.0) == ["a"]


def test_everyone_gets_the_full_time_from_the_start():
    liveness = Liveness(3.5)
    liveness.begin(100.0)
    assert liveness.silent(["a"], 103.4, 0.0) == []
    assert liveness.silent(["a"], 103.6, 0.0) == ["a"]


def test_time_that_the_watcher_slept_counts_against_nobody():
    liveness = Liveness(3.5)
    liveness.begin(0.0)
    liveness.heard("a", 10.0)
    assert liveness.silent(["a"], 40.0, 29.9) == []
    assert liveness.silent(["a"], 40.25, 0.0) == []
    assert liveness.silent(["a"], 43.6, 0.0) == ["a"]


def test_long_silent_nodes_are_forgotten_unless_kept():
    liveness = Liveness(3.5)
    liveness.heard("a", 0.0)
    liveness.heard("b", 0.0)
    liveness.forget(lambda node: node == "b", 61.0)
    assert (liveness.last("a"), liveness.last("b")) == (0.0, 0.0)
    assert not liveness.knows("a")
    assert liveness.knows("b")
