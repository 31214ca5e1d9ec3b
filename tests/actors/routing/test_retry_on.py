"""Envoy's retry conditions, word by word: which answers and which failures of the mesh each of them means."""

import pytest

from plait.actors.messages.cause import CAUSES
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import (
    DeadlineExceeded,
    Denied,
    FaultInjected,
    InstanceGone,
    NoEndpoints,
    NoResponders,
    Processed,
    TooLarge,
)
from plait.actors.routing.retry_on import CONDITIONS, IDLE, RetryOn, hopeless, status_of

STATUSES = (200, 400, 409, 429, 500, 501, 502, 503, 504, 599)


@pytest.mark.parametrize(
    ("words", "statuses", "resets"),
    [
        ("5xx", {500, 501, 502, 503, 504, 599}, True),
        ("gateway-error", {502, 503, 504}, True),
        ("reset", set(), True),
        ("reset-before-request", set(), False),
        ("connect-failure", set(), False),
        ("refused-stream", set(), False),
        ("retriable-4xx", {409}, False),
        ("retriable-status-codes", set(), False),
        ("retriable-status-codes 503 429", {503, 429}, False),
        ("503", {503}, False),
        ("cancelled unavailable deadline-exceeded internal resource-exhausted", set(), False),
        ("retriable-headers http3-post-connect-failure", set(), False),
        ("envoy-ratelimited", set(), False),
        ("gateway-error connect-failure refused-stream reset-before-request", {502, 503, 504}, True),
    ],
)
def test_each_word_means_what_it_means_to_envoy(words, statuses, resets):
    on = RetryOn(words.split())
    assert {one for one in STATUSES if on.answer(ReplyFrame(1, one, [], b""))} == statuses
    assert on.failure(InstanceGone()) is resets
    assert on.failure(NoResponders())
    assert on.heeds_answers is (bool(statuses) or "ratelimited" in words)


def test_an_answer_that_a_rate_limit_gave_is_for_its_own_word_alone():
    limited = ReplyFrame(1, 503, [("x-envoy-ratelimited", "true")], b"")
    plain = ReplyFrame(1, 503, [], b"")
    assert not RetryOn(["5xx"]).answer(limited)
    assert RetryOn(["envoy-ratelimited"]).answer(limited)
    assert RetryOn(["5xx", "envoy-ratelimited"]).answer(limited)
    assert not RetryOn(["envoy-ratelimited"]).answer(plain)


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_only_what_was_not_processed_or_has_no_answer_is_ever_repeated(cause):
    kind = CAUSES[cause]
    error = kind.__new__(kind)
    assert RetryOn(["503"]).failure(error) is (kind.processed is Processed.NO)
    assert RetryOn(["5xx"]).failure(error) is (kind.processed is not Processed.YES)


def test_what_is_wrong_everywhere_is_hopeless():
    assert all(hopeless(one) for one in (NoEndpoints(), TooLarge(), Denied(), FaultInjected(503)))
    assert not any(hopeless(one) for one in (NoResponders(), InstanceGone(), DeadlineExceeded()))


@pytest.mark.parametrize(
    ("token", "status"),
    [("503", 503), ("100", 100), ("599", 599), ("600", 0), ("99", 0), ("5xx", 0), ("\u0665\u0660\u0663", 0)],
)
def test_a_status_is_three_digits(token, status):
    assert status_of(token) == status


def test_every_idle_word_is_a_word():
    assert set(IDLE) < CONDITIONS
