"""The error tree: numbers are unique and complete, each error is a sentence, each knows what became of the call."""

import pytest

from plait.actors.messages import error
from plait.actors.messages.cause import CAUSES
from plait.actors.messages.error import Code, MeshError, Processed


def tree(kind=MeshError):
    return [kind, *(found for sub in kind.__subclasses__() if "plait." in sub.__module__ for found in tree(sub))]


KINDS = [kind for kind in tree() if kind is not MeshError]


def test_no_two_errors_share_a_number():
    numbers = [kind.cause for kind in KINDS]
    assert len(set(numbers)) == len(numbers)


def test_every_error_has_a_number_and_is_found_by_it():
    assert {kind.cause: kind for kind in KINDS} == CAUSES
    assert 0 not in CAUSES


def test_all_errors_stand_in_the_one_file():
    assert {kind.__module__ for kind in KINDS} == {error.__name__}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_a_sentence_with_a_code(kind):
    made = kind(503) if kind in (error.FaultInjected, error.BadStatus) else kind()
    assert str(made)
    assert str(made)[0].islower() or str(made).startswith("RBAC")
    assert isinstance(kind.code, Code)
    assert isinstance(kind.processed, Processed)
    assert kind.__doc__


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1, error.NoRoute),
        (3, error.NoEndpoints),
        (10, error.NoResponders),
        (11, error.Draining),
        (12, error.Overloaded),
        (13, error.Stalled),
        (18, error.MissedDeadline),
        (30, error.InstanceGone),
        (32, error.DeadlineExceeded),
        (50, error.FaultInjected),
        (70, error.HandlerFailed),
        (112, error.Conflict),
    ],
)
def test_a_number_once_given_stays(number, kind):
    assert CAUSES[number] is kind


@pytest.mark.parametrize(
    ("kind", "processed"),
    [
        (error.Overloaded, Processed.NO),
        (error.NoResponders, Processed.NO),
        (error.Draining, Processed.NO),
        (error.Stalled, Processed.NO),
        (error.MissedDeadline, Processed.NO),
        (error.InstanceGone, Processed.MAYBE),
        (error.Disconnected, Processed.MAYBE),
        (error.DeadlineExceeded, Processed.MAYBE),
        (error.Cancelled, Processed.MAYBE),
        (error.BadReply, Processed.MAYBE),
        (error.UnknownOutcome, Processed.MAYBE),
        (error.HandlerFailed, Processed.YES),
        (error.BadStatus, Processed.YES),
    ],
)
def test_each_failure_says_whether_the_call_was_worked_on(kind, processed):
    assert kind.processed is processed


def test_the_sentences_that_the_field_expects_are_word_for_word():
    assert str(error.NoEndpoints()) == "no healthy upstream"
    assert str(error.FaultInjected(503)) == "fault filter abort"
    assert str(error.DeadlineExceeded()) == "upstream request timeout"
    assert str(error.Denied()) == "RBAC: access denied"


def test_a_bad_name_is_also_a_bad_value():
    assert issubclass(error.InvalidName, ValueError)
