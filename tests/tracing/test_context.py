"""Trace context: what is read from strangers, what is made, and that it never grows wrong."""

import random
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.tracing import context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]\Z")
hexes = st.sampled_from("0123456789abcdef")


def digits(count):
    return st.text(hexes, min_size=count, max_size=count).filter(lambda text: set(text) != {"0"})


@given(digits(32), digits(16), st.integers(0, 255))
def test_what_is_formatted_is_parsed_again_with_the_known_flags(trace, span, flags):
    text = context.format_traceparent(trace, span, flags)
    assert context.parse(text) == (trace, span, flags & 3)
    assert context.is_sampled(text) == bool(flags & 1)


@given(st.text(max_size=80))
def test_any_text_is_refused_or_becomes_a_valid_traceparent(text):
    adopted = context.adopt(text, True)
    assert adopted == "" or VALID.match(adopted)
    assert (context.parse(text) is None) == (adopted == "")
    context.is_sampled(text)


@given(st.integers(0, 54), st.characters())
def test_one_wrong_character_never_yields_another_form(at, sign):
    text = f"00-{TRACE}-{SPAN}-01"
    adopted = context.adopt(text[:at] + sign + text[at + 1 :], False)
    assert adopted == "" or VALID.match(adopted)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"01-{TRACE}-{SPAN}-01more",
    ],
)
def test_what_the_specification_forbids_is_refused(text):
    assert context.parse(text) is None
    assert context.adopt(text, True) == ""


@pytest.mark.parametrize("text", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-ff-what-the-future-brings"])
def test_a_later_version_is_read_by_its_known_front_part(text):
    parsed = context.parse(text)
    assert parsed is not None
    assert (parsed.trace_id, parsed.span_id, parsed.flags & 1) == (TRACE, SPAN, 1)
    assert context.adopt(text, False)[:53] == f"00-{TRACE}-{SPAN}-"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_flags_are_bits_not_a_number(flags, sampled):
    assert context.is_sampled(f"00-{TRACE}-{SPAN}-{flags}") is sampled


def test_nothing_is_not_sampled():
    assert not context.is_sampled("")


@given(st.integers(), st.booleans())
def test_a_new_traceparent_is_valid_and_says_what_was_decided(seed, sampled):
    text = context.new_traceparent(random.Random(seed), sampled)
    assert VALID.match(text)
    assert context.is_sampled(text) is sampled


def test_the_same_seed_gives_the_same_ids():
    one, two = random.Random(7), random.Random(7)
    assert context.new_traceparent(one, True) == context.new_traceparent(two, True)
    assert context.request_id(one) == context.request_id(two)


@given(digits(32), digits(16), digits(16), st.integers(0, 3), st.booleans())
def test_a_child_keeps_trace_and_flags_and_a_decision_keeps_all_else(trace, span, other, flags, sampled):
    text = context.format_traceparent(trace, span, flags)
    assert context.parse(context.child(text, other)) == (trace, other, flags)
    assert context.parse(context.with_sampled(text, sampled)) == (trace, span, flags & 2 | sampled)
    assert context.parse(context.adopt(text, sampled)) == (trace, span, flags & 2 | sampled)
    assert (context.trace_id(text), context.span_id(text)) == (trace, span)


@given(st.integers())
def test_a_request_id_has_the_form_of_a_random_uuid(seed):
    text = context.request_id(random.Random(seed))
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert parsed.version == 4
    assert parsed.variant == uuid.RFC_4122


def test_tracestate_travels_as_it_is_when_it_is_short():
    assert context.limit_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE") == (
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    )
    assert context.limit_tracestate(" a=1 ,, tenant@sys=2\t") == "a=1,tenant@sys=2"


@pytest.mark.parametrize(
    "text", ["a", "A=1", "a=1,a=2", "a=1=2", "a=\x01", "a=1,b=", ",".join(f"k{i}=1" for i in range(33))]
)
def test_a_tracestate_that_is_not_valid_is_left_behind_whole(text):
    assert context.limit_tracestate(text) == ""


def test_of_a_long_tracestate_long_members_go_first_then_the_oldest():
    long = "long=" + "x" * 200
    short = [f"k{place}={'v' * 40}" for place in range(10)]
    assert context.limit_tracestate(",".join([short[0], long, *short[1:]])) == ",".join(short)
    many = [f"k{place}={'v' * 40}" for place in range(20)]
    kept = context.limit_tracestate(",".join(many)).split(",")
    assert kept == many[: len(kept)]
    assert len(",".join(kept)) <= 512 < len(",".join(many[: len(kept) + 1]))


@given(st.text(alphabet="ab01=,@ -", max_size=700))
def test_a_tracestate_never_passes_the_limit_and_is_stable(text):
    once = context.limit_tracestate(text)
    assert len(once) <= 512
    assert context.limit_tracestate(once) == once


@given(st.lists(st.text(max_size=300), max_size=60))
def test_any_tracestate_is_cut_to_its_limits_and_what_was_cut_stays_as_it_is(members):
    kept = context.limit_tracestate(",".join(members))
    assert len(kept) <= context.TRACESTATE_LIMIT
    assert kept.count(",") < 32
    assert kept.isascii()
    assert context.limit_tracestate(kept) == kept
