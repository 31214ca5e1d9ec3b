"""Questions that are answered alike are alike here; what others answer leaves by UDP no longer than was asked for."""

import random

import dns.edns
import dns.message
import dns.rdatatype
import pytest

from plait.registry.dns_fold import LARGEST, SMALLEST, clipped, fold


def question(name="reviews.service.plait.", kind="A", **edns):
    query = dns.message.make_query(name, kind, **edns)
    return query.to_wire()


def test_letter_case_ids_and_options_make_no_other_question():
    cookies = [[dns.edns.GenericOption(10, bytes([n]) * 8)] for n in (1, 2)]
    same = [
        question(),
        question("ReViEwS.service.PLAIT."),
    ]
    also = [
        question(use_edns=0, payload=size, options=cookie) for size, cookie in zip((1232, 4096), cookies, strict=True)
    ]
    assert len({fold(one).key for one in same}) == 1
    assert len({fold(one).key for one in also}) == 1
    others = [question(kind="SRV"), question("ratings.service.plait."), question(use_edns=0, payload=600), also[0]]
    assert len({fold(one).key for one in [*same, *others]}) == 5


@pytest.mark.parametrize(
    ("edns", "size"),
    [({}, SMALLEST), ({"use_edns": 0, "payload": 100}, SMALLEST), ({"use_edns": 0, "payload": 9000}, LARGEST)],
)
def test_the_size_is_what_the_client_takes(edns, size):
    packet = question(**edns)
    folded = fold(packet)
    assert folded.size == size
    assert packet[: folded.end] == packet[:12] + dns.message.from_wire(packet).question[0].name.to_wire() + b"\0\1\0\1"


def test_what_is_no_plain_question_is_left_to_the_library():
    whole = question(use_edns=0)
    rng = random.Random(1)
    for _ in range(20_000):
        packet = bytearray(whole[: rng.randrange(len(whole) + 1)])
        for _ in range(rng.randrange(4)):
            if packet:
                packet[rng.randrange(len(packet))] = rng.randrange(256)
        folded = fold(bytes(packet))
        assert folded is None or 17 <= folded.end <= len(packet)
    assert fold(whole + b"x") is None
    assert fold(whole[:-1]) is None


def test_an_answer_of_somebody_else_that_is_too_long_is_cut_to_its_question():
    asked = dns.message.make_query("big.example.", "TXT")
    long = dns.message.make_response(asked)
    texts = " ".join(f'"{"x" * 200}"' for _ in range(40))
    long.answer.append(dns.rrset.from_text("big.example.", 60, "IN", "TXT", texts))
    packet = asked.to_wire()
    cut = dns.message.from_wire(clipped(long.to_wire(max_size=65535), packet))
    assert (cut.id, cut.question, cut.answer, bool(cut.flags & dns.flags.TC)) == (asked.id, asked.question, [], True)
    short = dns.message.make_response(asked).to_wire()
    assert clipped(short, packet) == short
