"""Frames as earlier releases sent them are still read: their bytes are kept under golden/, one file per message.

A new message needs a sample in conftest.py and a file, which `PLAIT_GOLDEN=write pytest tests/actors/messages` writes.
A file that is there is never written again: it is what some node out there sends.
"""

import os
from pathlib import Path

import msgspec
import pytest

from plait.actors.messages.codec import Codec, decode_call, decode_reply, encode
from plait.actors.messages.envelope import CallFrame, ReplyFrame
from plait.actors.messages.error import Undecodable
from plait.actors.messages.rule import Rule
from plait.actors.messages.table import Push

GOLDEN = Path(__file__).parent / "golden"
LATER = [7, "of a later release", {"deep": [1]}]
UNIONS = {kind: union for union in (Rule, Push) for kind in union.__args__}


def decoder(message):
    """How a node reads this kind of message: tagged ones through the union that they travel in."""
    kind = type(message)
    own = {CallFrame: decode_call, ReplyFrame: decode_reply}
    return own.get(kind) or Codec(UNIONS.get(kind, kind)).decode


def kept(name, message):
    path = GOLDEN / f"{name}.v1.hex"
    if not path.exists() and os.environ.get("PLAIT_GOLDEN") == "write":
        text = encode(message).hex()
        path.write_text("".join(text[at : at + 80] + "\n" for at in range(0, len(text), 80)))
    return bytes.fromhex(path.read_text())


def test_every_kept_message_is_still_read_as_it_was_meant(sample, samples):
    message = samples[sample]
    assert decoder(message)(kept(sample, message)) == message


def test_what_is_sent_today_are_the_kept_bytes_and_behind_them_later_fields_at_their_defaults(sample, samples):
    message = samples[sample]
    today, then = (msgspec.msgpack.decode(data) for data in (encode(message), kept(sample, message)))
    assert begins_with(today, then)


def begins_with(today, then):
    """Whether `today` is `then`, but for fields that its structs, also those within, have got at their ends since."""
    if not isinstance(then, list):
        return today == then
    return len(today) >= len(then) and all(map(begins_with, today, then))


def test_a_message_with_all_of_its_fields_is_sent_as_the_kept_bytes(samples):
    for name in ("call", "reply_reported", "instance_weighed", "heartbeat_loaded"):
        assert encode(samples[name]) == kept(name, samples[name])


def test_fields_that_a_later_release_adds_at_the_end_are_ignored(sample, samples):
    message = samples[sample]
    longer = msgspec.msgpack.decode(encode(message)) + LATER
    assert decoder(message)(encode(longer)) == message


def test_fields_that_an_earlier_release_does_not_send_get_their_defaults(sample, samples):
    message = samples[sample]
    kind = type(message)
    fields = msgspec.structs.fields(kind)
    tagged = kind.__struct_config__.tag is not None
    needed = sum(field.required for field in fields)
    short = msgspec.msgpack.decode(kept(sample, message))[: needed + tagged]
    read = decoder(message)(encode(short))
    for at, field in enumerate(fields):
        if at < needed:
            assert getattr(read, field.name) == getattr(message, field.name)
        else:
            default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            assert getattr(read, field.name) == default


def test_a_message_that_lacks_a_field_it_must_have_is_refused(sample, samples):
    message = samples[sample]
    kind = type(message)
    needed = sum(field.required for field in msgspec.structs.fields(kind))
    if not needed:
        pytest.skip("no field of it must be there")
    short = msgspec.msgpack.decode(kept(sample, message))[: needed - 1 + (kind.__struct_config__.tag is not None)]
    with pytest.raises(Undecodable):
        decoder(message)(encode(short))


def test_the_samples_leave_no_field_of_a_frame_at_its_default(samples):
    for name in ("call", "reply_degraded"):
        for field in msgspec.structs.fields(type(samples[name])):
            if field.default is not msgspec.NODEFAULT:
                assert getattr(samples[name], field.name) != field.default, f"{name}: {field.name}"


def test_every_kept_file_belongs_to_a_sample(samples):
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.v1.hex" for name in samples}
