"""Response flags: each error says in Envoy's words what Envoy would say of it."""

import pytest

from plait.actors.messages.cause import CAUSES
from plait.actors.messages.error import BreakerOpen, BusDenied, HandlerFailed, NoEndpoints, NoRoute
from plait.actors.messages.response_flag import BY_CAUSE, FLAGS, NONE, flag_of, flag_of_kind, flags

ENVOY = {"UH", "UF", "UO", "NR", "NC", "UC", "UT", "DC", "LR", "FI", "RL", "DPE", "UPE", "UAEX"}
OWN_ANSWER = {"HandlerFailed", "BadStatus"}
"""Where the service itself fails Envoy sees an answer."""
NEVER_OF_A_CALL = range(90, 1000)
"""Causes of asks to actors and of the control plane: no request ends by one."""


def test_every_error_that_a_request_can_end_by_has_its_flag():
    without = {
        kind.__name__ for number, kind in CAUSES.items() if number not in NEVER_OF_A_CALL and flag_of_kind(kind) == NONE
    }
    assert without == OWN_ANSWER


def test_the_flags_are_envoys():
    assert set(FLAGS.values()) <= ENVOY


@pytest.mark.parametrize(("kind", "flag"), [(NoRoute, "NR"), (BreakerOpen, "UO"), (NoEndpoints, "UH")])
def test_the_nearest_class_decides(kind, flag):
    assert flag_of(kind()) == flag_of_kind(kind) == BY_CAUSE[kind.cause] == flag


def test_an_error_without_a_flag_of_its_own_has_its_parents():
    assert BusDenied not in FLAGS
    assert flag_of_kind(BusDenied) == "UF"


def test_flags_of_one_request_stand_together():
    assert flags(None) == flag_of(None) == NONE
    assert flags(None, delayed=True) == "DI"
    assert flags(None, 3) == NONE  # the last attempt succeeded
    assert flags(NoEndpoints(), 3) == "UH,URX"
    assert flags(NoEndpoints(), 3, delayed=True) == "UH,URX,DI"
    assert flags(HandlerFailed(), 3) == NONE
