"""DNS packets: what fits them, what is none, and noise."""

import random
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

from plait.registry.dns_answer import LARGEST, refusal
from plait.registry.dns_door import Verdict
from tests.registry.dns_world import World, instance, texts


@pytest.fixture
def world():
    return World()


# What is there


# The envelope


def test_edns_is_answered_in_kind(world):
    assert world.ask("reviews.service.plait.").edns == -1
    message = world.ask("reviews.service.plait.", use_edns=0, payload=4096, want_dnssec=True)
    assert (message.edns, message.payload) == (0, LARGEST)
    assert message.ednsflags & dns.flags.DO
    assert message.options == ()


def test_a_later_version_of_edns_is_answered_with_badvers(world):
    message = world.ask("reviews.service.plait.", use_edns=1)
    assert (message.rcode(), message.edns, message.answer) == (dns.rcode.BADVERS, 0, [])


@pytest.mark.parametrize(("payload", "size"), [(None, 512), (100, 512), (700, 700), (1232, 1232), (4096, 1232)])
def test_an_answer_by_udp_fits_the_client_and_says_when_something_is_missing(payload, size):
    world = World(*(instance(f"r{n}", node=f"n{n}", address=f"10.0.{n // 256}.{n % 256}") for n in range(300)))
    query = dns.message.make_query("reviews.service.plait.", "A", **({"payload": payload} if payload else {}))
    packet = world.raw(query.to_wire())
    message = dns.message.from_wire(packet)
    assert size - 16 < len(packet) <= size
    assert message.flags & dns.flags.TC
    assert sum(map(len, message.answer)) == (size - 12 - 27 - (11 if payload else 0)) // 16
    whole = world.ask("reviews.service.plait.", stream=True)
    assert not whole.flags & dns.flags.TC
    assert sum(map(len, whole.answer)) == 300


def test_every_address_is_told_where_they_fit_however_many_instances_share_them():
    world = World(*(instance(f"r{n:04}", node=f"n{n % 20}", address=f"10.0.0.{n % 20}") for n in range(2000)))
    message = world.ask("reviews.service.plait.")
    assert len(texts(message.answer, "A")) == 20
    assert not message.flags & dns.flags.TC


def test_additional_addresses_that_do_not_fit_are_left_out_without_a_word():
    world = World(*(instance(f"r{n}", node=f"n{n:03}", address=f"10.0.0.{n}") for n in range(12)))
    message = world.ask("reviews.service.plait.", "SRV")
    assert (len(texts(message.answer, "SRV")), message.flags & dns.flags.TC) == (12, 0)
    assert len(message.additional) < 12
    assert len(world.ask("reviews.service.plait.", "SRV", stream=True).additional) == 12


def test_a_record_that_fits_no_packet_leaves_an_empty_answer_that_sends_the_client_to_tcp():
    world = World(instance("a", labels={f"label-{n}": "x" * 200 for n in range(60)}))
    message = world.ask("reviews.service.plait.", "TXT", payload=1232)
    assert (message.answer, bool(message.flags & dns.flags.TC)) == ([], True)
    assert len(world.told("reviews.service.plait.", "TXT", stream=True)) == 1


def test_an_answer_over_a_connection_ends_at_64_kib_with_whole_records():
    world = World(*(instance(f"r{n}", node=f"n{n}", address=f"10.0.{n // 256}.{n % 256}") for n in range(5000)))
    message = world.ask("reviews.service.plait.", stream=True)
    assert message.flags & dns.flags.TC
    assert sum(map(len, message.answer)) == (65535 - 12 - 27) // 16


def test_an_answer_by_tcp_is_no_answer_by_udp_though_somebody_asked_it_with_a_byte_more(world):
    packet = dns.message.make_query("reviews.service.plait.", "A").to_wire()
    for _ in range(3):
        for more in (b"\0", b"\1", b"s"):
            assert dns.message.from_wire(world.raw(packet + more)).rcode() == dns.rcode.FORMERR
        for stream in (False, True):
            assert len(dns.message.from_wire(world.raw(packet, stream)).answer[0]) == 2


# What is no question


def test_what_is_no_packet_or_an_answer_is_dropped(world):
    packet = dns.message.make_query("reviews.service.plait.", "A").to_wire()
    answer = world.raw(packet)
    assert [world.raw(packet[:size]) for size in range(12)] == [Verdict.DROP] * 12
    assert world.raw(answer) is Verdict.DROP
    assert world.junk["junk"] == 13


def test_other_operations_are_not_implemented(world):
    query = dns.message.make_query("reviews.service.plait.", "A", id=259).to_wire()
    for opcode in range(1, 16):
        answer = dns.message.from_wire(world.raw(query[:2] + bytes([opcode << 3 | 1]) + query[3:]))
        assert (answer.rcode(), answer.opcode(), answer.id) == (dns.rcode.NOTIMP, opcode, 259)


def malformed():
    query = dns.message.make_query("reviews.service.plait.", "A", use_edns=0).to_wire()
    plain = dns.message.make_query("reviews.service.plait.", "A").to_wire()
    yield "no question", plain[:5] + b"\0" + plain[6:]
    yield "two questions", plain[:5] + b"\2" + plain[6:] + plain[12:]
    yield "an answer", plain[:7] + b"\1" + plain[8:] + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4"
    yield "more records than there are", plain[:11] + b"\1" + plain[12:]
    yield "too many records", plain[:11] + b"\xff" + plain[12:]
    yield "half a header", plain[:12]
    yield "half a name", plain[:15]
    yield "half a question", plain[:-2]
    yield "more behind it", plain + b"junk"
    yield "a name that points at itself", plain[:12] + b"\xc0\x0c\0\1\0\1"
    yield "a label of a kind that is not used", plain[:12] + b"\x80a\0\0\1\0\1"
    yield "a name of more than 255 bytes", plain[:12] + b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 4 + b"\0\0\1\0\1"
    yield "two OPT", query[:11] + b"\2" + query[12:] + query[-11:]
    yield "a broken option", query[:-2] + b"\0\5\0\x08\0\1\xff"
    yield "an OPT with a name", plain[:11] + b"\1" + plain[12:] + b"\1a\0\0\x29\x04\xd0\0\0\0\0\0\0"
    yield "too long", plain + b"\0" * LARGEST


@pytest.mark.parametrize(("packet"), [pytest.param(packet, id=name) for name, packet in malformed()])
def test_a_malformed_question_is_called_so(world, packet):
    answer = dns.message.from_wire(world.raw(packet))
    assert answer.rcode() == dns.rcode.FORMERR
    assert answer.id == int.from_bytes(packet[:2], "big")
    assert world.junk["junk"] == 1


def test_a_refusal_holds_the_question_where_there_is_one():
    query = dns.message.make_query("example.com.", "A", use_edns=0)
    answer = dns.message.from_wire(refusal(query.to_wire(), dns.rcode.SERVFAIL))
    assert query.is_response(answer)
    assert (answer.rcode(), str(answer.question[0].name), answer.edns) == (dns.rcode.SERVFAIL, "example.com.", 0)
    assert dns.message.from_wire(refusal(b"\1\2" + b"\0" * 10, dns.rcode.FORMERR)).id == 0x0102


# Strangers


def mutated(rng, seeds):
    packet = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(packet)) if packet else 0
        match rng.randrange(5):
            case 0 if packet:
                packet[at] = rng.randrange(256)
            case 1 if packet:
                packet[at] ^= 1 << rng.randrange(8)
            case 2:
                packet[at:at] = rng.randbytes(rng.randrange(8))
            case 3:
                del packet[at : at + rng.randrange(8)]
            case _:
                packet[at:at] = packet[rng.randrange(len(packet) + 1) :][: rng.randrange(40)]
    return bytes(packet)


def test_a_hundred_thousand_packets_of_noise_raise_nothing_and_change_no_answer():
    world = World(seed=5)
    rng = random.Random(20)
    services = ("reviews", "v2.reviews", "_reviews._http", "nobody")
    names = (*(f"{name}.service.plait." for name in services), "n1.node.plait.", "plait.", "x.example.")
    cookie = dns.edns.GenericOption(10, b"\1" * 8)
    seeds = [
        dns.message.make_query(name, kind, id=7, **more).to_wire()
        for name in names
        for kind in ("A", "SRV", "TXT", "ANY", "SOA")
        for more in ({}, {"use_edns": 0, "payload": 1232}, {"use_edns": 0, "options": [cookie], "want_dnssec": True})
    ]
    before = world.ask("reviews.service.plait.", "SRV")
    began = time.process_time()
    answered = 0
    for number in range(100_000):
        packet = mutated(rng, seeds) if number % 10 else rng.randbytes(rng.randrange(80))
        answer = world.raw(packet, number % 2 == 0)
        if isinstance(answer, bytes):
            answered += 1
            assert answer[:2] == packet[:2]
            assert answer[2] & 0x80
            assert number % 2 == 0 or len(answer) <= LARGEST
    assert time.process_time() - began < 50
    assert answered > 60_000
    after = world.ask("reviews.service.plait.", "SRV")
    assert sorted(texts(after.answer, "SRV")) == sorted(texts(before.answer, "SRV"))
    assert after.flags == before.flags
