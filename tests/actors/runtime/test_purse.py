"""Tokens on their way down and up: what is lent, what comes back, and that nothing from outside makes more of them."""

import pytest

from plait.actors.runtime.context import CallContext
from plait.actors.runtime.origin import at_rest
from plait.actors.runtime.purse import GRANT, Purse


def test_each_hop_gets_half_and_the_fourth_still_two():
    tokens, seen = GRANT, []
    for _ in range(5):
        seen.append(tokens)
        tokens = Purse(tokens, tokens).lend()
    assert seen == [16, 8, 4, 2, 1]


def test_calls_that_run_beside_each_other_share_and_what_comes_back_is_there_for_the_next():
    purse = Purse(8, 8)
    assert [purse.lend() for _ in range(5)] == [4, 2, 1, 0, 0]
    purse.give_back(4, 1)
    assert (purse.left, purse.spent) == (4, 4)
    purse.give_back(2, 0)
    purse.give_back(1, 0)
    assert purse.spent == 1


@pytest.mark.parametrize(("spent", "left"), [(-5, 16), (0, 16), (3, 13), (8, 8), (10**9, 8)])
def test_what_others_say_they_spent_is_never_more_than_lent_nor_less_than_nothing(spent, left):
    purse = Purse()
    purse.give_back(purse.lend(), spent)
    assert purse.left == left


def test_an_empty_purse_pays_for_nothing():
    purse = Purse(2, 2)
    assert [purse.spend() for _ in range(3)] == [True, True, False]
    assert purse.spent == 2


def test_calls_for_one_request_draw_on_one_purse_and_work_that_no_call_brought_has_none_to_use_up():
    brought = CallContext(None, None, "a", "", tokens=8)
    assert brought.lending() is brought.lending()
    assert brought.lending().left == 8
    assert at_rest("a").lending() is None
