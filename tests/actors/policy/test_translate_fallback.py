"""The fallbacks of a Resilience document: what they mean, and what is refused where."""

import pytest

from plait.actors.messages.fallback import Elsewhere, Fallback, Fixed, LastGood
from tests.actors.policy.test_translate_resilience import of


def fallbacks(text):
    return of(f"{{host: ratings, fallbacks: [{text}]}}")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("{lastGood: {}}", Fallback(LastGood())),
        (
            "{lastGood: {maxAge: 5m, maxEntries: 10, maxBytes: 2048, varyBy: [Tenant]}}",
            Fallback(LastGood(300.0, 10, 2048, ("tenant",))),
        ),
        ("{lastGood: {varyBy: []}}", Fallback(LastGood(vary=()))),
        ("{destination: {host: spare}}", Fallback(Elsewhere("spare"))),
        (
            "{destination: {host: spare.shop, subset: v1, port: {number: 80}, timeout: 2s}}",
            Fallback(Elsewhere("spare_shop", "v1", 80, 2.0)),
        ),
        ("{response: {}}", Fallback(Fixed())),
        (
            "{response: {status: 203, headers: {X-A: b}, body: {string: hello}}}",
            Fallback(Fixed(203, (("x-a", "b"), ("content-type", "text/plain; charset=utf-8")), b"hello")),
        ),
        (
            "{response: {headers: {Content-Type: application/json}, body: {bytes: e30=}}}",
            Fallback(Fixed(200, (("content-type", "application/json"),), b"{}")),
        ),
        ("{empty: NONE}", Fallback(Fixed(204, empty=True))),
        ("{empty: OBJECT}", Fallback(Fixed(200, (("content-type", "application/json"),), b"{}", empty=True))),
        ("{empty: ARRAY}", Fallback(Fixed(200, (("content-type", "application/json"),), b"[]", empty=True))),
        (
            "{on: [timeout, '404'], methods: [POST], routes: [canary], response: {}}",
            Fallback(Fixed(), ("timeout", "404"), ("POST",), ("canary",)),
        ),
    ],
)
def test_a_fallback_means_what_it_says(text, meaning):
    found = fallbacks(text)
    assert found.problems == ()
    assert found.rule.fallbacks == (meaning,)


def test_they_keep_their_order_and_none_differs_from_nothing_said():
    assert [type(one.to) for one in fallbacks("{lastGood: {}}, {empty: NONE}").rule.fallbacks] == [LastGood, Fixed]
    assert fallbacks("").rule.fallbacks == ()
    assert of("{host: ratings}").rule.fallbacks is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{}", "[0]"),
        ("{on: [5xx]}", "[0]"),
        ("{empty: NONE, response: {}}", "[0].empty"),
        ("{cache: {}}", "[0].cache"),
        ("{empty: NOTHING}", "[0].empty"),
        ("{on: [timout], empty: NONE}", "[0].on[0]"),
        ("{on: ['200'], empty: NONE}", "[0].on[0]"),
        ("{methods: [get], empty: NONE}", "[0].methods[0]"),
        ("{methods: [POST], lastGood: {}}", "[0].methods[0]"),
        ("{lastGood: {maxAge: 0s}}", "[0].lastGood.maxAge"),
        ("{lastGood: {maxAge: 10}}", "[0].lastGood.maxAge"),
        ("{lastGood: {maxEntries: 0}}", "[0].lastGood.maxEntries"),
        ("{lastGood: {varyBy: ['a b']}}", "[0].lastGood.varyBy[0]"),
        ("{lastGood: {}}, {lastGood: {}}", "[1].lastGood"),
        ("{destination: {}}", "[0].destination.host"),
        ("{response: {status: 99}}", "[0].response.status"),
        ("{response: {headers: {Content-Length: '3'}}}", "[0].response.headers.Content-Length"),
        ('{response: {headers: {a: "b\\nc"}}}', "[0].response.headers.a"),
        ("{response: {body: {string: a, bytes: YQ==}}}", "[0].response.body"),
        (", ".join(["{empty: NONE}"] * 9), ""),
    ],
)
def test_mistakes_are_refused_where_they_are(text, path):
    found = fallbacks(text)
    assert found.rule is None
    assert [one.path for one in found.problems] == [f"$.spec.fallbacks{path}"]


def test_what_stands_behind_an_answer_that_is_always_there_is_told():
    assert [one.path for one in fallbacks("{empty: NONE}, {lastGood: {}}").warnings] == ["$.spec.fallbacks[1]"]
    assert fallbacks("{on: [timeout], empty: NONE}, {lastGood: {}}").warnings == ()
    assert fallbacks("{routes: [a], empty: NONE}, {lastGood: {}}").warnings == ()
