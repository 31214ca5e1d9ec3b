"""The whole mesh under random faults: every seed holds, and every bug that is planted is found by some seed."""

import pytest

from plait.testing import Faults, Lines, SimulationFailed
from tests.testing.planted import PLANTS, planted
from tests.testing.whole import play


@pytest.mark.plait_seeds(25)
def test_all_invariants_hold_whatever_strikes(plait_seed):
    run = play(plait_seed)
    assert run.checked["turns"] > 10_000
    assert run.checked["answers"] > 50
    assert run.settling < 30.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_invariants_hold_on_lines_that_are_always_rough(seed):
    lines = Lines(shortest=0.001, spread=0.02, loss=0.01, duplicate=0.01, reorder=0.05, slow=0.02)
    play(seed, 15.0, lines=lines, faults=Faults(storm=0.0))


def test_in_a_calm_mesh_every_request_is_answered_well():
    answers = play(3, faults=Faults.none()).result
    assert set(answers) == {"200", "order 200", "looked", "policy"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found_and_its_seed_plays_it_again_the_same(plant):
    with planted(plant):
        for seed in range(200):
            try:
                play(seed)
            except SimulationFailed as failed:
                found = failed
                break
        else:
            pytest.fail(f"{plant} was not found by 200 seeds")
        for _ in range(2):
            with pytest.raises(SimulationFailed) as again:
                play(found.seed)
            assert (str(again.value), again.value.trace) == (str(found), found.trace)
    play(found.seed)  # without the bug that seed holds
