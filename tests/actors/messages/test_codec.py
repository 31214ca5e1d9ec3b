"""Any bytes give a message or one of two errors; a frame of another version says so."""

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.actors.messages.codec import Codec, decode_call, decode_reply, encode
from plait.actors.messages.envelope import CallFrame, ReplyFrame
from plait.actors.messages.error import Undecodable, UnsupportedVersion
from plait.actors.messages.instance import Heartbeat, Instance, Join
from plait.actors.messages.rule import Rule
from plait.actors.messages.table import Push, Snapshot

CALL = encode(CallFrame(1, 5, 1, "GET", "a", "/", "", [("k", "v")], b"body", 1000, "tp", "", {"end-user": "j"}))
REPLY = encode(ReplyFrame(1, 200, [("k", "v")], b"body"))

CODECS = {kind: Codec(kind).decode for kind in (Join, Heartbeat, Instance, Rule, Push, Snapshot)}
DECODERS = [decode_call, decode_reply, *CODECS.values()]

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=4)
)


def survive(data):
    for decode in DECODERS:
        with contextlib.suppress(Undecodable, UnsupportedVersion):
            decode(data)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(data):
    survive(data)


@given(values)
def test_well_formed_msgpack_of_any_shape_is_read_or_refused(value):
    survive(msgspec.msgpack.encode(value))


@given(st.integers(0, len(CALL)), st.integers(0, 255))
def test_a_call_with_one_byte_changed_is_read_or_refused(at, byte):
    survive(CALL[:at] + bytes([byte]) + CALL[at + 1 :])


@pytest.mark.parametrize("frame", [CALL, REPLY])
def test_a_frame_cut_anywhere_is_refused(frame):
    decode = decode_call if frame is CALL else decode_reply
    for end in range(len(frame)):
        with pytest.raises(Undecodable):
            decode(frame[:end])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x91" * 100_000, id="arrays nested without end"),
        pytest.param(b"\x81\xa1a" * 50_000, id="maps nested without end"),
        pytest.param(REPLY[:1] + REPLY[1:].replace(b"\xa1k", b"\xa1\xff"), id="bad UTF-8 in a name"),
        pytest.param(b"\x95" + REPLY[1:] + b"\x91" * 100_000, id="nested in a field of a later release"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="an array of four billion"),
        pytest.param(b"\x94\x01\xcc\xc8\xdd\xff\xff\xff\xff", id="headers of four billion"),
        pytest.param(b"", id="nothing"),
        pytest.param(REPLY + b"\x00", id="something behind it"),
    ],
)
def test_hostile_bytes_end_as_undecodable(data):
    for decode in DECODERS:
        with pytest.raises(Undecodable):
            decode(data)


def test_bad_utf8_and_endless_nesting_do_come_as_other_errors_from_msgspec_itself():
    # Why there is one decoder for all: were this to change, three clauses could become one.
    decode = msgspec.msgpack.Decoder(ReplyFrame).decode
    with pytest.raises(UnicodeDecodeError):
        decode(REPLY.replace(b"\xa1k", b"\xa1\xff"))
    with pytest.raises(RecursionError):
        msgspec.msgpack.Decoder().decode(b"\x91" * 100_000)


@pytest.mark.parametrize("version", [0, 2, 3, 127])
@pytest.mark.parametrize(("frame", "decode"), [(CALL, decode_call), (REPLY, decode_reply)], ids=["call", "reply"])
def test_a_frame_of_another_version_says_so(frame, decode, version):
    fields = msgspec.msgpack.decode(frame)
    with pytest.raises(UnsupportedVersion, match=f"version {version}"):
        decode(encode([version, *fields[1:]]))


@given(version=st.integers(2, 127), rest=st.lists(scalars, max_size=40))
@settings(max_examples=50)
def test_a_later_version_is_told_from_rubbish_even_where_its_fields_have_other_types(version, rest):
    for decode in (decode_call, decode_reply):
        with pytest.raises(UnsupportedVersion):
            decode(encode([version, *rest]))


def test_a_codec_names_what_it_expected():
    with pytest.raises(Undecodable, match="not a Heartbeat"):
        Codec(Heartbeat).decode(b"\x00")


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5), st.binary(), st.dictionaries(st.text(), st.text()))
def test_what_is_encoded_is_read_back(headers, body, baggage):
    frame = CallFrame(1, 1, 1, "GET", "a", "/", "", headers, body, None, "", baggage=baggage)
    assert decode_call(encode(frame)) == frame
