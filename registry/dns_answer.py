"""A DNS packet in, a DNS packet out: read, look up, write, within the size that the client takes.

Pure but for the chance that orders records: no socket, no clock. Packets come from strangers: what one costs is bounded
before it is read (one question, no records but OPT, `LARGEST` bytes).
"""

import random
from collections.abc import Callable
from typing import cast

from dns.flags import AA, DO, QR, RA, RD
from dns.message import Message, QueryMessage, from_wire
from dns.name import Name
from dns.rcode import BADVERS, FORMERR, NOTIMP, NXDOMAIN, REFUSED, Rcode
from dns.rdata import Rdata
from dns.rdataclass import IN
from dns.rdatatype import AAAA, ANY, AXFR, IXFR, NS, SOA, TXT, A, RdataType
from dns.rdtypes.ANY import NS as NS_
from dns.rdtypes.ANY import TXT as TXT_
from dns.rdtypes.IN import SRV as SRV_
from dns.rrset import from_rdata, from_rdata_list

from .dns_cache import Kept
from .dns_door import DnsOptions, Verdict
from .dns_fold import LARGEST, SMALLEST, fold
from .dns_name import Part
from .dns_record import APEX, MINIMAL, Authority, Group
from .dns_zone import Zone

_HEADER = 12
_STREAM = 65535
_RECORD = 16  # no record is shorter: name 2, type, class, TTL and length 10, and the 4 of an IPv4 address
_ONE_QUESTION = b"\0\1\0\0\0\0"  # counts of questions, answers and authorities
_QR, _AA, _RD, _RA, _DO = map(int, (QR, AA, RD, RA, DO))  # enums: a microsecond for each step of arithmetic


class Answers:
    """Answers from a zone."""

    def __init__(
        self,
        zone: Zone,
        revision: Callable[[], int],
        node: str,
        rng: random.Random,
        options: DnsOptions,
        junk: Callable[[], None],
    ) -> None:
        """Answer from `zone`, which stands at the registry's `revision`, as the server on `node`.

        `junk` is called for each packet that is no question.
        """
        self._zone = zone
        self._revision = revision
        self._authority = Authority(node, options.ttl)
        self._rng = rng
        self._options = options
        self._junk = junk
        self._kept = Kept(rng)
        self._kept_at = -1
        self._soa = self._authority.soa(0)

    def answer(self, packet: bytes, stream: bool) -> bytes | Verdict:
        """Return the answer to a packet; `stream` says that it came over a connection, where answers may be long."""
        if self._zone.changes != self._kept_at:
            self._kept.clear()
            self._kept_at = self._zone.changes
            self._soa = self._authority.soa(self._revision())
        folded, key = fold(packet), b""
        if folded is not None:
            key = (b"\1" if stream else b"\0") + folded.key
            kept = self._kept.draw(key)
            if kept is not None:  # with the question as this client writes it
                return packet[:2] + kept[:10] + packet[_HEADER : folded.end] + kept[folded.end - 2 :]
        if len(packet) < _HEADER or packet[2] & 0x80:
            self._junk()
            return Verdict.DROP  # an answer to what may be an answer could go back and forth for ever
        if packet[2] & 0x78:
            return refusal(packet, NOTIMP)
        query = _question(packet)
        if query is None:
            self._junk()
            return refusal(packet, FORMERR)
        answer = self._respond(query, stream)
        if isinstance(answer, bytes) and key:
            self._kept.put(key, answer[2:])
        return answer

    def _respond(self, query: Message, stream: bool) -> bytes | Verdict:
        response = _blank(query, recursion=self._options.forward)
        size = _STREAM if stream else min(max(query.payload, SMALLEST), LARGEST)
        question = query.question[0]
        if query.edns > 0:
            response.set_rcode(BADVERS)
        elif question.rdclass != IN:
            response.set_rcode(REFUSED)
        else:
            found = self._zone.find(question.name.labels)
            if found is Part.OUTSIDE and self._options.forward:
                return Verdict.FORWARD
            if found is Part.OUTSIDE or question.rdtype in (AXFR, IXFR):
                response.set_rcode(REFUSED)
            else:
                response.flags |= _AA
                self._fill(response, found, question.name, question.rdtype, size // _RECORD + 1)
        return _packed(response, size)

    def _fill(self, response: Message, found: Part | Group, name: Name, kind: RdataType, most: int) -> None:
        """Put records in; `most` is more than the packet holds, so that it shows where there are more than that."""
        records = self._records(found, kind, most)
        if records:
            response.answer.append(from_rdata_list(name, self._options.ttl, records))
            self._add_addresses(response, records, most)
            return
        if found is Part.NOWHERE:
            response.set_rcode(NXDOMAIN)
        response.authority.append(from_rdata(APEX, self._options.ttl, self._soa))

    def _records(self, found: Part | Group, kind: RdataType, most: int) -> list[Rdata]:
        if isinstance(found, Group):
            if kind == ANY:
                return [MINIMAL] if found.nodes else []
            records = found.draw(kind, most, self._rng)
            return _as_many_as_fit(records, most * _RECORD) if kind == TXT else records
        if found is not Part.APEX:
            return []
        if kind == SOA:
            return [self._soa]
        if kind == NS:
            return self._authority.servers(self._zone.servers())
        return [MINIMAL] if kind == ANY else []

    def _add_addresses(self, response: Message, records: list[Rdata], most: int) -> None:
        """Add the addresses of the nodes that records name, which the client would ask for next."""
        targets = dict.fromkeys(one.target for one in records if isinstance(one, NS_.NS | SRV_.SRV))
        for target in targets:
            host = self._zone.node(target.labels[0].decode())
            for kind in (A, AAAA):
                addresses = host.draw(kind, most, self._rng) if host is not None else []
                if addresses:
                    response.additional.append(from_rdata_list(target, self._options.ttl, addresses))


def _as_many_as_fit(records: list[Rdata], size: int) -> list[Rdata]:
    """Return the first of some texts, one more than `size` bytes hold: each may be as long as labels are."""
    for number, record in enumerate(records, 1):
        size -= _RECORD + sum(len(text) + 1 for text in cast("TXT_.TXT", record).strings)
        if size < 0:
            return records[:number]
    return records


def refusal(packet: bytes, rcode: Rcode) -> bytes:
    """Return an answer that says no, to a packet that has a header at least; it holds the question where there is one.

    A client may take an answer without its question for somebody else's.
    """
    query = None if packet[2] & 0x78 else _question(packet)
    if query is None:
        response: Message = QueryMessage(id=int.from_bytes(packet[:2], "big"))
        response.flags = _QR | (packet[2] & 0x79) << 8  # operation and RD are the client's
    else:
        response = _blank(query)
    response.set_rcode(rcode)
    return response.to_wire()


def _question(packet: bytes) -> Message | None:
    """Read a question; None where the packet is something else."""
    if len(packet) > LARGEST or packet[4:10] != _ONE_QUESTION or packet[10] or packet[11] > 2:
        return None
    try:
        return from_wire(packet)
    except Exception:  # beside its own errors dnspython raises what its parts meet in an option: ValueError and others
        return None


def _blank(query: Message, *, recursion: bool = False) -> Message:
    # Not `make_response`: it pads where the question is padded, which is for encrypted connections.
    response = QueryMessage(id=query.id)
    response.flags = _QR | query.flags & _RD | (_RA if recursion else 0)
    response.question = query.question
    if query.edns >= 0:
        response.use_edns(0, query.ednsflags & _DO, LARGEST)
    return response


def _packed(response: Message, size: int) -> bytes:
    # The records have been drawn in their order already; dnspython would use chance that nobody can repeat.
    packet = response.to_wire(max_size=size, prefer_truncation=True, want_shuffle=False)
    if packet[2] & 0x02:
        # It was too long, and dnspython drops sets of records as a whole: as sets of one each, as many as fit stay.
        whole, response.answer = response.answer, []
        for rrset in whole:
            response.answer += [from_rdata(rrset.name, rrset.ttl, one) for one in cast("list[Rdata]", list(rrset))]
        response.additional = []
        packet = response.to_wire(max_size=size, prefer_truncation=True, want_shuffle=False)
    return packet
