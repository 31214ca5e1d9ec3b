"""Span records: what goes over the bus comes back, and hostile bytes give an error and nothing else."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.tracing.record import (
    VERSION,
    Kind,
    SpanEvent,
    SpanRecord,
    Status,
    decode_batch,
    encode_batch,
    encode_batches,
)


def span(number=1, **changes):
    record = SpanRecord(
        trace_id="ab" * 16,
        span_id=f"{number:016x}",
        parent_id="",
        service="reviews",
        instance="reviews-1",
        node="n1",
        name="GET /",
        kind=Kind.SERVER,
        start_ns=1_700_000_000_000_000_000,
        duration_ns=1_000_000,
    )
    return msgspec.structs.replace(record, **changes)


values = st.text() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.booleans()


@given(
    st.text(),
    st.sampled_from(Status),
    st.dictionaries(st.text(), values),
    st.lists(
        st.builds(SpanEvent, st.text(), st.integers(0, 2**63 - 1), st.dictionaries(st.text(), values)), max_size=3
    ),
)
def test_a_record_comes_back_as_it_was(name, status, attributes, events):
    before = span(name=name, status=status, attributes=attributes, events=tuple(events))
    assert decode_batch(encode_batch([before])) == (before,)


@given(st.binary(max_size=200))
def test_any_bytes_give_spans_or_a_value_error(data):
    with contextlib.suppress(ValueError):
        decode_batch(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_broken_batch_gives_spans_or_a_value_error(at, byte):
    data = bytearray(encode_batch([span(1, attributes={"a": "b"}), span(2)]))
    data[at % len(data)] = byte
    with contextlib.suppress(ValueError):
        decode_batch(bytes(data))


@pytest.mark.parametrize(
    "changes",
    [
        {"trace_id": "AB" * 16},
        {"trace_id": "ab" * 15},
        {"trace_id": "ab" * 16 + "\n"},
        {"span_id": ""},
        {"parent_id": "x" * 16},
        {"start_ns": -1},
        {"duration_ns": -1},
        {"kind": 9},
        {"attributes": {"a": [1]}},
    ],
)
def test_a_record_that_is_not_valid_is_refused(changes):
    with pytest.raises(ValueError, match="not a batch of spans"):
        decode_batch(encode_batch([span(**changes)]))


def test_deep_nesting_is_refused_like_all_else():
    with pytest.raises(ValueError, match="not a batch"):
        decode_batch(b"\x92\x01\x91" + b"\x91" * 100_000)


def test_fields_of_a_later_time_are_ignored_and_another_version_is_refused():
    version, spans = msgspec.msgpack.decode(encode_batch([span()]))
    grown = msgspec.msgpack.encode([version, [[*spans[0], "new"]], "new"])
    assert decode_batch(grown) == (span(),)
    with pytest.raises(ValueError, match=f"version {VERSION + 1}"):
        decode_batch(msgspec.msgpack.encode([VERSION + 1, spans]))


def test_many_spans_are_cut_into_batches_that_fit_and_keep_their_order():
    spans = [span(number, message="x" * 100) for number in range(1, 200)]
    batches = encode_batches(spans, limit=4096)
    assert max(map(len, batches)) <= 4096
    assert len(batches) < 20
    assert [one for batch in batches for one in decode_batch(batch)] == spans
    assert encode_batches([]) == []


def test_a_single_span_that_fits_nowhere_is_left_out():
    spans = [span(1), span(2, message="x" * 5000), span(3)]
    kept = [one for batch in encode_batches(spans, limit=1000) for one in decode_batch(batch)]
    assert kept == [spans[0], spans[2]]
