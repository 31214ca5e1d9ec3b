"""Names for tests of DNS: a few services on a few nodes, and questions about them."""

import random
from collections import Counter

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from plait.actors.messages.codec import encode
from plait.actors.messages.instance import Instance
from plait.registry.dns_answer import Answers
from plait.registry.dns_door import DnsOptions
from plait.registry.dns_zone import Zone

HERE = "eu/a"


def instance(name, service="reviews", version="v1", node="n1", address="10.0.0.1", **more):
    labels = {"app": service, "version": version, **more.pop("labels", {})}
    return Instance(
        name, service, version, labels, more.pop("locality", ""), node, 1, address=address, **{"port": 9080, **more}
    )


MEMBERS = (
    instance("reviews-v1", version="v1", node="n1", address="10.0.0.1", locality="eu/b"),
    instance("reviews-v2", version="v2", node="n2", address="10.0.0.2", locality=HERE, labels={"track": "Canary"}),
    instance("reviews-v3", version="v3", node="n3", address="2001:db8::3", locality="eu/b"),
    instance("ratings-v1", service="ratings", node="n1", address="10.0.0.1"),
    instance("away-v1", service="away", node="n4", address="10.0.0.4", health="draining"),
    instance("reviews-shop", service="reviews_shop", version="v9", node="n5", address="10.0.0.5"),
    instance("v2-shop", service="billing_shop", node="n5", address="10.0.0.5"),
)


def table(*instances):
    """Instances as the registry's table has them."""
    return {f"{one.service}.{one.id}": encode(one) for one in instances}


class World:
    """A zone and its answers; `ask` asks by the wire and reads what comes."""

    def __init__(self, *instances, seed=1, locality=HERE, **options):
        self.zone = Zone(locality)
        self.zone.apply(table(*(instances or MEMBERS)), whole=True)
        self.revision = 7
        self.junk = Counter()
        self.answers = Answers(
            self.zone,
            lambda: self.revision,
            "dns-1",
            random.Random(seed),
            DnsOptions(**options),
            lambda: self.junk.update(["junk"]),
        )

    def change(self, *instances, gone=()):
        self.revision += 1
        self.zone.apply({**table(*instances), **dict.fromkeys(gone)}, whole=False)

    def raw(self, packet, stream=False):
        return self.answers.answer(packet, stream)

    def ask(self, name, kind="A", *, stream=False, **query):
        question = dns.message.make_query(name, kind, **query)
        answer = self.raw(question.to_wire(), stream)
        message = dns.message.from_wire(answer)
        assert question.is_response(message)
        return message

    def told(self, name, kind="A", **query):
        """The records of an answer that has some, as texts."""
        message = self.ask(name, kind, **query)
        assert dns.rcode.to_text(message.rcode()) == "NOERROR"
        assert message.flags & dns.flags.AA
        return texts(message.answer, kind)


def texts(section, kind):
    wanted = dns.rdatatype.from_text(kind)
    return [data.to_text() for rrset in section if rrset.rdtype == wanted for data in rrset]


def outcome(message):
    """The code, how many answers there are, and the types in the authority section."""
    kinds = [dns.rdatatype.to_text(rrset.rdtype) for rrset in message.authority]
    return dns.rcode.to_text(message.rcode()), sum(map(len, message.answer)), kinds
