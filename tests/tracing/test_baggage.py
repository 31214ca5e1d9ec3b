"""Baggage: only what is listed travels, whatever strangers send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.tracing.baggage import SIZE_LIMIT, BaggageNames, format_baggage

NAMES = BaggageNames()
clear = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=60)


@given(st.dictionaries(st.sampled_from(["end-user", "x-request-id"]), clear))
def test_what_is_written_is_read_again(values):
    assert NAMES.parse(format_baggage(values)) == values


@given(st.text(max_size=300))
def test_any_text_gives_listed_names_without_control_characters(text):
    for header in (text, f"end-user={text}", f"{text},end-user=jason"):
        for name, value in NAMES.parse(header).items():
            assert name in NAMES.names
            assert not set(value) & {"\r", "\n", "\0"}


def test_names_that_are_not_listed_do_not_travel():
    assert NAMES.parse("secret=1, End-User = jason ;ttl=5, other=2") == {"end-user": "jason"}
    assert BaggageNames([]).parse("end-user=jason") == {}


@pytest.mark.parametrize("value", ["a%0d%0aset-cookie: x", "a%00", 'a"b', "a b", "a\\b"])
def test_a_value_that_could_not_be_a_header_does_not_travel(value):
    assert NAMES.parse(f"end-user={value}") == {}


def test_escapes_are_decoded_and_of_two_the_last_counts():
    assert NAMES.parse("end-user=a,end-user=J%C3%BCrgen%2C%20x") == {"end-user": "Jürgen, x"}
    assert NAMES.parse("end-user=%FF") == {"end-user": "\ufffd"}


def test_a_header_set_by_hand_counts_more_than_the_baggage_header():
    headers = [("accept", "*/*"), ("baggage", "end-user=a"), ("end-user", "b"), ("baggage", "x-request-id=7")]
    assert NAMES.collect(headers) == {"end-user": "b", "x-request-id": "7"}
    assert NAMES.collect([("accept", "*/*")]) == {}


def test_limits_hold_in_both_directions():
    assert NAMES.parse(",".join(["x=1"] * 64) + ",end-user=late") == {}
    assert NAMES.parse("x=" + "y" * SIZE_LIMIT + ",end-user=late") == {}
    assert format_baggage({f"n{place}": "v" for place in range(100)}).count("=") == 64
    assert len(format_baggage({"a": "x" * 8000, "b": "y" * 500, "c": "z"})) <= SIZE_LIMIT
    assert format_baggage({"a": "x" * 8000, "b": "y" * 500, "c": "z"}).endswith(",c=z")


def test_a_name_that_is_no_token_is_refused():
    with pytest.raises(ValueError, match="no HTTP token"):
        BaggageNames(["end user"])
    assert format_baggage({"a b": "1", "c": "2"}) == "c=2"
