"""Questions of users, well meant or not."""

import contextlib
import random
import time

import pytest

from plait.actors.bus.memory import MemoryServer
from plait.actors.bus.reply import may_answer
from plait.actors.bus.user_request import number_field, parse, send_json, text_field
from plait.actors.messages.error import Refused, Undecodable
from plait.actors.messages.subject import Subjects


def test_json_yaml_and_nothing_are_understood():
    assert parse(b'{"a": 1}') == parse(b"a: 1") == {"a": 1}
    assert parse(b"") == parse(b" \n") == {}


@pytest.mark.parametrize(
    "text",
    [
        b"[1]",
        b"7",
        b"a: 1\n---\nb: 2",
        b"\xff",
        b"a: &x 1\nb: *x",
        b"1: 2",
        b"? [1]\n: 2",
        b"a: 2020-99-99",
        b"!!python/object:os.system x",
        b"{" * 5000,
        b"[" * 16000,
        b"- " * 8000,
        b"? " * 8000,
        b"a: [" * 4000,
        b"x" * 20_000,
    ],
)
def test_what_is_no_mapping_is_refused_quickly(text):
    start = time.perf_counter()
    with pytest.raises(Undecodable):
        parse(text)
    assert time.perf_counter() - start < 2.0


def test_random_text_never_fails_in_another_way():
    rng = random.Random(5)
    for _ in range(3000):
        text = "".join(rng.choice("ab1:-?[]{}&*!|>'\"%@`#,. \n\t0x.e_~") for _ in range(rng.randrange(30)))
        with contextlib.suppress(Undecodable):
            assert isinstance(parse(text.encode()), dict)


def test_fields_have_their_types():
    assert text_field({}, "service") == ""
    with pytest.raises(Refused):
        text_field({"service": 1}, "service")
    assert number_field({}, "limit", 20) == 20
    for bad in ("1", True, -1, 101, 1.5, None):
        with pytest.raises(Refused):
            number_field({"limit": bad}, "limit", 20, 100)


def test_an_answer_goes_only_where_answers_belong():
    subjects = Subjects()
    own = subjects.node_reply_prefix("registry", "n1", "c") + b"1"
    assert may_answer(subjects, own, "registry", "n1")
    assert may_answer(subjects, own, "registry")
    assert not may_answer(subjects, own, "policy")
    assert not may_answer(subjects, own, "registry", "n2")
    assert not may_answer(subjects, b"_INBOX.x", "registry")
    assert may_answer(subjects, b"_INBOX.x")
    assert may_answer(subjects, own)
    for forged in (b"", b"$JS.API.STREAM.DELETE.x", b"plait.default.policy.apply", b"plait.other.nrsp.a.b.c.1"):
        assert not may_answer(subjects, forged)


@pytest.mark.anyio
async def test_an_answer_that_can_go_nowhere_harms_nobody():
    bus = MemoryServer().connect("x")
    send_json(bus, b"_INBOX." + b"x" * 4080, {})
    await bus.close()
