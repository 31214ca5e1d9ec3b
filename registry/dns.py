"""The DNS actor: answers names by UDP and TCP from what its node knows of the registry; a question costs no round trip.

Questions do not pass through its mailbox: they are answered where they arrive. The mailbox brings its own bad news.
"""

import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from dns.rcode import SERVFAIL

from ..actors.messages.error import MeshError, StartFailed
from ..actors.runtime.actor import Actor
from ..tracing.log import OncePer
from .dns_answer import Answers, refusal
from .dns_door import DnsOptions, NameDoor, Verdict
from .dns_limit import Buckets
from .dns_zone import Zone

log = logging.getLogger("plait.dns")

TOKEN = 0.0002
"""Seconds of work that a question of the rate limit may take; a dear one counts as many: at 1,000 a second no address
gets more than a fifth of the loop's time."""
_QUIET = 60.0  # seconds between two lines about the same trouble: strangers decide how often it comes


class Lost(msgspec.Struct, frozen=True):
    """The address is not served any more."""

    reason: str


class Dns(Actor):
    """Serves one door. Zone and door outlive it: a new life binds the same port and knows the same names."""

    def __init__(
        self,
        door: NameDoor,
        zone: Zone,
        revision: Callable[[], int],
        node: str,
        rng: random.Random,
        clock: Callable[[], float],
        options: DnsOptions = DnsOptions(),  # noqa: B008 - frozen
    ) -> None:
        """Answer on `door` from `zone`.

        Args:
            door: where packets come from; opened when the actor starts.
            zone: the names; somebody else keeps it up.
            revision: the registry's revision that the zone stands at.
            node: the node that this runs on, for the domain's own records.
            rng: chance for the order of records.
            clock: seconds that only grow.
            options: how those who ask are treated.
        """
        self.counts: Counter[str] = Counter()
        """Packets of this life: `asked`, and of these `limited` (too many of one address), `malformed`, `failed`."""
        self._door = door
        self._answers = Answers(zone, revision, node, rng, options, self._junk)
        self._buckets = Buckets(options.rate, options.burst, options.sources, clock)
        self._clock = clock
        self._once = OncePer(log, _QUIET, clock=clock)

    async def pre_start(self) -> None:
        """Bind.

        Raises:
            StartFailed: the address cannot be had.
        """
        await self._door.start(self.serve, self._lost)

    async def post_stop(self) -> None:
        """Close the sockets."""
        await self._door.close()

    def receive(self, message: Any) -> None:
        """End this life where the address is lost: the next one binds it again."""
        if isinstance(message, Lost):
            raise StartFailed(f"the DNS address was lost: {message.reason}")
        super().receive(message)

    def tally(self) -> Mapping[str, int]:
        """Return what became of the packets of this life, by words."""
        return {**self.counts, **self._door.tally()}

    def serve(self, packet: bytes, source: str, stream: bool) -> bytes | Verdict:
        """Answer one packet of the address `source`; see `Serve`."""
        self.counts["asked"] += 1
        if not self._buckets.take(source):
            self.counts["limited"] += 1
            self._once("limited", logging.WARNING, "%s asks too much: some of its questions are dropped", source)
            return Verdict.DROP
        began = self._clock()
        try:
            answer = self._answers.answer(packet, stream)
            if (spent := (self._clock() - began) / TOKEN) > 1.0:
                self._buckets.charge(source, spent - 1.0)
            return answer
        except Exception as error:  # a mistake of ours: who met it must not take the names away from all others
            self.counts["failed"] += 1
            self._once("failed", logging.ERROR, "a DNS question could not be answered: %r", error)
            return refusal(packet, SERVFAIL)

    def _junk(self) -> None:
        self.counts["malformed"] += 1
        self._once("malformed", logging.INFO, "packets came in that are no DNS questions")

    def _lost(self, reason: str) -> None:
        with contextlib.suppress(MeshError):  # about to stop anyhow
            self.cell.tell(Lost(reason))
