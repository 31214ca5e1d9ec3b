"""The last good answers of a destination: which are kept, for whom, for how long, and how many."""

import pytest

from plait.actors.messages.envelope import LoadReport, ReplyFrame
from plait.actors.messages.fallback import LastGood
from plait.actors.proxy.keeping import keep_for, varies
from plait.actors.proxy.last_good import LastAnswers
from tests.actors.proxy.chained import a_call


def reply(body=b"good", status=200, **fields):
    return ReplyFrame(1, status, [(name.replace("_", "-"), value) for name, value in fields.items()], body)


def kept(answers, call, now=1.0):
    found = answers.find(call, now)
    return None if found is None else found.reply.body


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({}, 600),
        ({"cache_control": "max-age=5"}, 600),
        ({"cache_control": "no-store"}, 0),
        ({"cache_control": "No-Cache"}, 0),
        ({"cache_control": "private, max-age=60"}, 0),
        ({"cache_control": "max-age=60, must-revalidate"}, 60),
        ({"cache_control": "s-maxage=30, max-age=60"}, 30),
        ({"cache_control": "max-age=60, stale-if-error=120"}, 180),
        ({"cache_control": "stale-if-error=0"}, 0),
        ({"cache_control": "max-age=60, stale-if-error=99999"}, 600),
        ({"cache_control": "max-age=absurd, must-revalidate"}, 0),
        ({"cache_control": 'max-age="20", must-revalidate'}, 20),
        ({"set_cookie": "a=b"}, 0),
        ({"vary": "*"}, 0),
        ({"vary": "accept"}, 600),
    ],
)
def test_the_service_says_how_long_its_answer_may_stand_in(said, seconds):
    assert keep_for(a_call(), reply(**said), 600.0) == seconds


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        *(((method, status), 600) for method, status in (("GET", 200), ("HEAD", 200), ("GET", 204))),
        *((("GET", status), 0) for status in (206, 302, 404, 503)),
        *(((method, 200), 0) for method in ("POST", "PUT", "OPTIONS")),
    ],
)
def test_only_good_answers_to_reads_are_kept(asked, seconds):
    method, status = asked
    assert keep_for(a_call(method), reply(status=status), 600.0) == seconds


@pytest.mark.parametrize(
    ("asked", "said", "seconds"),
    [
        (("cache-control", "no-store"), {}, 0),
        (("authorization", "Bearer x"), {}, 0),
        (("authorization", "Bearer x"), {"cache_control": "max-age=9"}, 0),
        (("authorization", "Bearer x"), {"cache_control": "public"}, 600),
        (("range", "bytes=0-1"), {}, 0),
    ],
)
def test_requests_may_forbid_it(asked, said, seconds):
    assert keep_for(a_call(headers=[asked]), reply(**said), 600.0) == seconds


def test_the_names_that_an_answer_varies_by_are_read_from_all_fields():
    assert varies([("vary", "Accept, x-b"), ("other", "x"), ("vary", "accept")]) == ("accept", "x-b")
    assert varies([]) == ()


def test_the_same_request_gets_the_answer_until_it_is_too_old():
    answers = LastAnswers(LastGood(max_age=10.0))
    answers.note(a_call(), reply(b"one"), 0.0)
    answers.note(a_call(), reply(b"two"), 5.0)
    assert kept(answers, a_call(), 14.9) == b"two"
    assert kept(answers, a_call(), 15.0) is None
    assert (len(answers), answers.size) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"method": "HEAD"},
        {"path": "/other"},
        {"query": "a=1"},
        {"authority": "other"},
        {"baggage": {"end-user": "jason"}},
        {"headers": [("end-user", "jason")]},
        {"headers": [("cookie", "session=1")]},
    ],
)
def test_another_request_does_not(other):
    answers = LastAnswers(LastGood())
    answers.note(a_call(), reply(), 0.0)
    assert kept(answers, a_call(**other)) is None
    answers.note(a_call(**other), reply(b"other"), 0.0)
    assert (kept(answers, a_call(**other)), kept(answers, a_call())) == (b"other", b"good")


def test_requests_are_told_apart_by_what_the_answers_vary_by():
    answers = LastAnswers(LastGood())
    for language in ("de", "en"):
        answers.note(
            a_call(headers=[("accept-language", language)]), reply(language.encode(), vary="accept-language"), 0.0
        )
    assert kept(answers, a_call(headers=[("accept-language", "de")])) == b"de"
    assert kept(answers, a_call(headers=[("accept-language", "en"), ("x", "y")])) == b"en"
    assert kept(answers, a_call()) is None


def test_what_was_asked_for_longest_ago_goes_first():
    answers = LastAnswers(LastGood(entries=2))
    for path in ("/a", "/b"):
        answers.note(a_call(path=path), reply(), 0.0)
    assert kept(answers, a_call(path="/a")) == b"good"
    answers.note(a_call(path="/c"), reply(), 0.0)
    assert [kept(answers, a_call(path=path)) for path in ("/a", "/b", "/c")] == [b"good", None, b"good"]


def test_bytes_are_bounded_and_what_is_larger_than_all_of_them_is_not_kept():
    answers = LastAnswers(LastGood(size=10_000))
    answers.note(a_call(path="/large"), reply(b"x" * 10_000), 0.0)
    assert len(answers) == 0
    for number in range(20):
        answers.note(a_call(path=f"/{number}"), reply(b"x" * 1000), 0.0)
        assert answers.size <= 10_000
    assert 4 < len(answers) < 10
    assert kept(answers, a_call(path="/19")) == b"x" * 1000


def test_a_smaller_bound_takes_effect_at_once():
    answers = LastAnswers(LastGood())
    for number in range(20):
        answers.note(a_call(path=f"/{number}"), reply(), 0.0)
    answers.use(LastGood(entries=3))
    assert len(answers) == 3
    answers.use(LastGood(entries=3, vary=("tenant",)))
    assert (len(answers), answers.size) == (0, 0)


def test_a_change_makes_the_kept_answers_of_its_target_untrue():
    answers = LastAnswers(LastGood())
    for user in ("a", "b"):
        answers.note(a_call(baggage={"end-user": user}), reply(), 0.0)
    answers.note(a_call(path="/other"), reply(), 0.0)
    answers.note(a_call("POST"), reply(status=500), 0.0)
    answers.note(a_call("OPTIONS"), reply(), 0.0)
    assert len(answers) == 3
    answers.note(a_call("POST"), reply(status=204), 0.0)
    assert len(answers) == 1
    assert kept(answers, a_call(path="/other")) == b"good"


@pytest.mark.parametrize(
    ("after", "left"), [(reply(status=404), 0), (reply(cache_control="no-store"), 0), (reply(status=429), 1)]
)
def test_an_answer_that_says_so_ends_the_one_before(after, left):
    answers = LastAnswers(LastGood())
    answers.note(a_call(), reply(), 0.0)
    answers.note(a_call(), after, 0.0)
    assert len(answers) == left


def test_what_is_kept_is_nobody_elses():
    answers = LastAnswers(LastGood())
    answer = ReplyFrame(1, 200, [("a", "b")], b"", load=LoadReport(1))
    answers.note(a_call(), answer, 0.0)
    answer.headers.append(("x-request-id", "r"))
    found = answers.find(a_call(), 1.0)
    assert (found.reply.headers, found.reply.load, found.at) == ([("a", "b")], None, 0.0)
