"""Answers are what RFC 1035, 2308, 6891 and 8482 say: records of healthy instances, near ones first, honest noes."""

import random
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import msgspec
import pytest

from plait.registry.dns_answer import LARGEST, refusal
from plait.registry.dns_door import Verdict
from tests.registry.dns_world import MEMBERS, World, instance, outcome, texts


@pytest.fixture
def world():
    return World()


# What is there


def test_a_and_aaaa_are_the_addresses_of_the_healthy_instances(world):
    assert set(world.told("reviews.service.plait.")) == {"10.0.0.1", "10.0.0.2"}
    assert world.told("reviews.service.plait.", "AAAA") == ["2001:db8::3"]


def test_srv_names_nodes_and_brings_their_addresses_along(world):
    message = world.ask("reviews.service.plait.", "SRV")
    assert set(texts(message.answer, "SRV")) == {f"1 1 9080 n{n}.node.plait." for n in (1, 2, 3)}
    assert {(str(rrset.name), *map(str, rrset)) for rrset in message.additional} == {
        ("n1.node.plait.", "10.0.0.1"),
        ("n2.node.plait.", "10.0.0.2"),
        ("n3.node.plait.", "2001:db8::3"),
    }


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("v2.reviews.service.plait.", "10.0.0.2"),
        ("canary.reviews.service.plait.", "10.0.0.2"),
        ("_reviews._v2.service.plait.", "10.0.0.2"),
        ("v1.reviews.default.service.plait.", "10.0.0.1"),
        ("reviews.shop.service.plait.", "10.0.0.5"),
        ("v9.reviews.shop.service.plait.", "10.0.0.5"),
        ("_reviews._http.shop.service.plait.", "10.0.0.5"),
        ("n2.node.plait.", "10.0.0.2"),
    ],
)
def test_versions_labels_namespaces_and_nodes_are_names(world, name, address):
    assert world.told(name) == [address]


def test_a_tag_of_a_service_in_the_default_namespace_goes_before_a_service_of_a_namespace_of_that_name():
    world = World(
        instance("a", service="shop", version="reviews", address="10.0.0.1"),
        instance("b", service="reviews_shop", address="10.0.0.2"),
    )
    assert world.told("reviews.shop.service.plait.") == ["10.0.0.1"]
    assert outcome(world.ask("v1.shop.service.plait.")) == ("NXDOMAIN", 0, ["SOA"])


def test_a_txt_record_says_what_an_instance_is(world):
    said = world.told("v2.reviews.service.plait.", "TXT")
    assert said == ['"id=reviews-v2" "version=v2" "locality=eu/a" "app=reviews" "track=Canary"']
    assert len(world.told("n1.node.plait.", "TXT")) == 2


def test_a_long_label_is_cut_to_a_string_of_255_bytes():
    world = World(instance("a", labels={"k": "ä" * 200}))
    (rrset,) = world.ask("reviews.service.plait.", "TXT", stream=True).answer
    assert max(map(len, rrset[0].strings)) == 255


def test_instances_of_the_same_locality_come_first_and_all_come_in_any_order():
    world = World(
        *(instance(f"near-{n}", locality="eu/a", node=f"near-{n}", address=f"10.0.1.{n}") for n in range(4)),
        *(instance(f"far-{n}", locality="eu/b", node=f"far-{n}", address=f"10.0.2.{n}") for n in range(4)),
    )
    orders = [tuple(world.told("reviews.service.plait.")) for _ in range(600)]
    assert all(address.startswith("10.0.1.") for order in orders for address in order[:4])
    assert len(set(orders)) > 20
    first = [order[0] for order in orders]
    assert all(80 < first.count(f"10.0.1.{n}") < 250 for n in range(4))


def test_the_same_chance_gives_the_same_orders():
    one, other = World(seed=3), World(seed=3)
    for _ in range(100):
        assert one.told("reviews.service.plait.") == other.told("reviews.service.plait.")


def test_an_address_that_two_instances_share_is_told_once():
    world = World(instance("a"), instance("b"), instance("c", port=9081))
    assert world.told("reviews.service.plait.") == ["10.0.0.1"]
    assert len(world.told("reviews.service.plait.", "SRV")) == 2


def test_the_question_comes_back_in_its_own_case(world):
    message = world.ask("ReViEws.Service.PLAIT.")
    assert str(message.question[0].name) == str(message.answer[0].name) == "ReViEws.Service.PLAIT."


def test_the_apex_has_soa_and_ns():
    world = World(*MEMBERS, instance("d1", service="plait-dns", node="d1"), instance("d2", "plait-dns", node="d2"))
    assert world.told("plait.", "SOA") == ["dns-1.node.plait. hostmaster.plait. 7 3600 600 86400 0"]
    message = world.ask("plait.", "NS")
    assert set(texts(message.answer, "NS")) == {"d1.node.plait.", "d2.node.plait."}
    assert texts(message.additional, "A") == ["10.0.0.1"] * 2
    assert World().told("plait.", "NS") == ["dns-1.node.plait."]


def test_the_serial_is_the_revision_and_wraps_at_32_bits(world):
    world.revision = 2**32 + 5
    assert world.told("plait.", "SOA")[0].split()[2] == "5"


def test_a_question_for_everything_gets_one_record_that_says_so(world):
    for name in ("reviews.service.plait.", "n1.node.plait.", "plait."):
        message = world.ask(name, "ANY")
        assert texts(message.answer, "HINFO") == ['"RFC8482" ""']
        assert outcome(message) == ("NOERROR", 1, [])
    assert outcome(world.ask("nobody.service.plait.", "ANY"))[0] == "NXDOMAIN"


def test_answers_may_be_kept_as_long_as_asked():
    world = World(ttl=30)
    message = world.ask("reviews.service.plait.", "SRV")
    assert {rrset.ttl for rrset in (*message.answer, *message.additional)} == {30}
    (soa,) = world.ask("nobody.service.plait.").authority
    assert (soa.ttl, soa[0].minimum) == (30, 30)
    assert World().ask("reviews.service.plait.").answer[0].ttl == 0


# What is not


@pytest.mark.parametrize(
    "name",
    [
        "nobody.service.plait.",
        "v7.reviews.service.plait.",
        "_reviews._v7.service.plait.",
        "reviews.nowhere.service.plait.",
        "nobody.node.plait.",
        "reviews_shop.service.plait.",
        "x.plait.",
        "\\255.service.plait.",
        "a.b.c.d.e.f.reviews.service.plait.",
    ],
)
def test_what_does_not_exist_is_denied_with_the_authority(world, name):
    message = world.ask(name)
    assert outcome(message) == ("NXDOMAIN", 0, ["SOA"])
    assert message.flags & dns.flags.AA


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("reviews.service.plait.", "MX"),
        ("reviews.service.plait.", "TYPE65280"),
        ("v3.reviews.service.plait.", "A"),
        ("away.service.plait.", "A"),
        ("away.service.plait.", "SRV"),
        ("v1.away.service.plait.", "ANY"),
        ("n1.node.plait.", "SRV"),
        ("n4.node.plait.", "A"),
        ("service.plait.", "A"),
        ("node.plait.", "ANY"),
        ("shop.service.plait.", "A"),
        ("default.service.plait.", "A"),
        ("_http.service.plait.", "SRV"),
        ("plait.", "A"),
    ],
)
def test_what_exists_without_such_records_is_an_empty_answer_with_the_authority(world, name, kind):
    assert outcome(world.ask(name, kind)) == ("NOERROR", 0, ["SOA"])


def test_names_of_others_are_refused_or_forwarded(world):
    message = world.ask("example.com.")
    assert outcome(message) == ("REFUSED", 0, [])
    assert not message.flags & (dns.flags.AA | dns.flags.RA)
    forwarding = World(forward=True)
    assert forwarding.raw(dns.message.make_query("example.com.", "A").to_wire()) is Verdict.FORWARD
    assert forwarding.ask("reviews.service.plait.").flags & dns.flags.RA


def test_other_classes_and_transfers_are_refused(world):
    assert outcome(world.ask("reviews.service.plait.", rdclass="CH"))[0] == "REFUSED"
    assert outcome(world.ask("reviews.service.plait.", rdclass="ANY"))[0] == "REFUSED"
    assert outcome(world.ask("plait.", "AXFR", stream=True))[0] == "REFUSED"


def test_an_instance_without_a_usable_address_has_no_address_record():
    world = World(instance("a", address=""), instance("b", address="what", node="n2"))
    assert outcome(world.ask("reviews.service.plait.")) == ("NOERROR", 0, ["SOA"])
    message = world.ask("reviews.service.plait.", "SRV")
    assert (len(texts(message.answer, "SRV")), message.additional) == (2, [])


# What changes


def test_a_change_of_the_registry_is_seen_by_the_next_question(world):
    for _ in range(50):
        world.told("v2.reviews.service.plait.")
    draining = msgspec.structs.replace(MEMBERS[1], health="draining")
    world.change(draining)
    assert outcome(world.ask("v2.reviews.service.plait.")) == ("NOERROR", 0, ["SOA"])
    assert set(world.told("reviews.service.plait.")) == {"10.0.0.1"}
    world.change(gone=["reviews.reviews-v2"])
    assert outcome(world.ask("v2.reviews.service.plait."))[0] == "NXDOMAIN"
    assert outcome(world.ask("n2.node.plait."))[0] == "NXDOMAIN"
    world.change(instance("reviews-v2", version="v2", node="n9", address="10.0.0.9"))
    assert world.told("v2.reviews.service.plait.") == world.told("n9.node.plait.") == ["10.0.0.9"]


def test_a_whole_table_replaces_what_was_there(world):
    world.revision += 1
    world.zone.apply({}, whole=True)
    for name in ("reviews.service.plait.", "n1.node.plait.", "shop.service.plait."):
        assert outcome(world.ask(name))[0] == "NXDOMAIN"


def test_entries_that_are_no_instances_are_counted_and_hide_nobody(world):
    bad = msgspec.structs.replace(MEMBERS[0], id="x", node="a.b")
    world.change(bad)
    world.zone.apply({"reviews.junk": b"\xff", "reviews.reviews-v1": b"\x01"}, whole=False)
    world.revision += 1
    assert world.zone.undecodable == 3
    assert world.told("reviews.service.plait.") == ["10.0.0.2"]


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
