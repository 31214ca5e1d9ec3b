"""Answers are what RFC 1035, 2308, 6891 and 8482 say: records of healthy instances, near ones first, honest noes."""

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import msgspec
import pytest

from plait.registry.dns_door import Verdict
from tests.registry.dns_world import MEMBERS, World, instance, outcome, texts


@pytest.fixture
def world():
    return World()


# What is there


def test_who_starts_or_fails_its_checks_is_not_named_and_one_with_a_warning_is():
    fares = {"healthy": "10.0.0.1", "warning": "10.0.0.2", "critical": "10.0.0.3", "starting": "10.0.0.4"}
    world = World(*(instance(health, node=health, address=address, health=health) for health, address in fares.items()))
    assert sorted(world.told("reviews.service.plait.")) == ["10.0.0.1", "10.0.0.2"]
    assert world.told("critical.node.plait.") == []


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


def test_a_name_that_has_only_names_below_it_is_there_and_empty():
    shop = instance("r2", service="shop_prod", version="v9.1", labels={"a": "b.c"})
    world = World(instance("r1", version="v1.2.3"), shop)
    for name in ("3.reviews", "2.3.reviews", "1.shop.prod", "c.shop.prod"):
        assert outcome(world.ask(f"{name}.service.plait.")) == ("NOERROR", 0, ["SOA"]), name
    for name in ("2.reviews", "1.2.3.reviews", "v1.reviews", "v9.shop.prod"):
        assert outcome(world.ask(f"{name}.service.plait."))[0] == "NXDOMAIN", name
    assert world.told("v1.2.3.reviews.service.plait.") == ["10.0.0.1"]
    world.change(gone=["reviews.r1"])
    assert outcome(world.ask("3.reviews.service.plait."))[0] == "NXDOMAIN"
