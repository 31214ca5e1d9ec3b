"""B3 in and out: the specification's forms are read, everything else is no trace, and nothing breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.tracing.b3 import FIELDS, format_b3, traceparent_of
from plait.tracing.context import parse

TRACE, SPAN, PARENT = "80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1", "05e3ac9a4f6e3b90"


@pytest.mark.parametrize(
    ("fields", "traceparent"),
    [
        ({"b3": f"{TRACE}-{SPAN}-1-{PARENT}"}, f"00-{TRACE}-{SPAN}-01"),
        ({"b3": f"{TRACE}-{SPAN}-d"}, f"00-{TRACE}-{SPAN}-01"),
        ({"b3": f"{TRACE}-{SPAN}-0"}, f"00-{TRACE}-{SPAN}-00"),
        ({"b3": f"{TRACE}-{SPAN}"}, f"00-{TRACE}-{SPAN}-00"),
        ({"b3": f"{TRACE.upper()}-{SPAN}-1"}, f"00-{TRACE}-{SPAN}-01"),
        ({"b3": f"{SPAN}-{PARENT}-1"}, f"00-{'0' * 16}{SPAN}-{PARENT}-01"),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1"}, f"00-{TRACE}-{SPAN}-01"),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "true"}, f"00-{TRACE}-{SPAN}-01"),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-flags": "1"}, f"00-{TRACE}-{SPAN}-01"),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN}, f"00-{TRACE}-{SPAN}-00"),
        ({"b3": f"{TRACE}-{SPAN}-0", "x-b3-traceid": PARENT, "x-b3-spanid": SPAN}, f"00-{TRACE}-{SPAN}-00"),
    ],
)
def test_the_forms_of_the_specification_are_read(fields, traceparent):
    assert traceparent_of(fields) == traceparent


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"b3": "0"},
        {"b3": "d"},
        {"b3": f"{'0' * 32}-{SPAN}-1"},
        {"b3": f"{TRACE}-{'0' * 16}-1"},
        {"b3": f"{TRACE}-{SPAN}-2"},
        {"b3": f"{TRACE}-{SPAN}-1-{PARENT}-1"},
        {"b3": f"{TRACE[1:]}-{SPAN}-1"},
        {"b3": f"{TRACE}-{SPAN}-1," * 100},
        {"b3": f"{TRACE}-{SPAN}-1\n"},
        {"x-b3-traceid": TRACE},
        {"x-b3-traceid": TRACE * 1000, "x-b3-spanid": SPAN},
        {"x-b3-spanid": SPAN, "x-b3-sampled": "1"},
    ],
)
def test_what_names_no_trace_is_none(fields):
    assert traceparent_of(fields) == ""


HOSTILE = st.one_of(st.text(max_size=300), st.from_regex(r"[0-9a-f]{0,40}-[0-9a-f]{0,20}-?[01dx]?", fullmatch=True))


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), HOSTILE))
def test_whatever_comes_the_outcome_is_a_valid_traceparent_or_none(fields):
    found = traceparent_of(fields)
    assert found == "" or parse(found) is not None


def test_a_trace_leaves_as_it_would_have_come_in():
    for sampled in ("0", "1"):
        header = f"{TRACE}-{SPAN}-{sampled}"
        assert format_b3(traceparent_of({"b3": header})) == header
    assert format_b3("") == ""
    assert format_b3(f"00-{TRACE}-{SPAN}-03").endswith("-1")
