"""What stands: the last policy revision that can be used, its rules as they travel, and the table made of them."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from ..loop.slice import Slices, Steps
from ..messages.codec import Codec, encode
from ..messages.error import Refused, TooLarge, Undecodable
from ..messages.rule import Rule
from ..messages.table import Change
from ..routing.table import RouteTable, begin_table
from ..table.replica import digesting
from ..table.snapshot import CHUNK
from ..table.store import KeyValue
from .bundle import Outcome, StoredDocument
from .history import History
from .problem import Problem, ProblemCode
from .record import Held

log = logging.getLogger("plait.policy")

_rules = Codec[Rule](Rule)


_FAR = 64
"""Revisions that are gone back at a start to find one that can be used."""


class _Entry(NamedTuple):
    document: StoredDocument
    data: bytes
    rule: Rule
    """As nodes have it."""


class Candidate(NamedTuple):
    """A revision that can be used: compiled, and not yet in force."""

    revision: int
    entries: dict[str, _Entry]
    changes: tuple[Change, ...]
    """What nodes have to change for it."""
    table: RouteTable
    digest: str


class Standing:
    """An engine's policy in force. A revision that cannot be used is reported, and leaves what stood before."""

    def __init__(self, store: KeyValue, slices: Slices) -> None:
        self.history = History(store, slices)
        self.active = 0
        """The revision that nodes are told to decide by."""
        self.rules: dict[str, bytes] = {}
        """Its rules by key, as they travel."""
        self._table: RouteTable | None = None
        self._slices = slices
        self._entries: dict[str, _Entry] = {}  # by key, of the active revision
        self._unusable = 0
        self._why = ""
        self._told = ""

    @property
    def problem(self) -> str:
        """Why the last revision in the store is not the one in force; empty when it is."""
        return self.history.broken or (self._why if self._unusable == self.history.good else "")

    async def load(self) -> None:
        """Read all that is stored, and let it stand; where that cannot be used, the last revision that can.

        Raises:
            MeshError: the store does not answer.
        """
        history = self.history
        await history.load()
        await self._stand()
        for revision in range(history.good - 1, max(history.first - 1, history.good - _FAR), -1):
            if self.active:
                return
            try:
                made = await self._made(await history.at(revision), {}, revision)
            except Refused:  # this one is damaged too
                continue
            if isinstance(made, Candidate):
                self.activate(made)
                log.error("policy revision %d comes into force instead", revision)

    async def catch_up(self) -> bool:
        """Read what was written since, and let it stand, also where the store breaks off half-way through.

        Raises:
            MeshError: the store does not answer.
        """
        before = self.active
        try:
            await self.history.catch_up()
        finally:
            await self._stand()
        return self.active != before

    async def candidate(self, outcome: Outcome) -> Candidate | Problem:
        """Compile what `outcome` would make of what stands, as every node will; or return why that fails."""
        return await self._made(self.history.held, outcome.documents, self.history.coming)

    def activate(self, candidate: Candidate) -> None:
        """Let `candidate` be in force: whoever fetches a snapshot gets it."""
        self._entries, self._table, self.active = candidate.entries, candidate.table, candidate.revision
        self.rules = {key: entry.data for key, entry in candidate.entries.items()}

    async def _stand(self) -> None:
        """Let the last good revision in the store be the one in force."""
        history = self.history
        if history.good in (self.active, self._unusable):
            self._report()
            return
        made = await self._made(history.held, {}, history.good)
        if isinstance(made, Candidate):
            self.activate(made)
        else:
            self._unusable, self._why = history.good, f"policy revision {history.good} cannot be used: {made.message}"
        self._report()

    def _report(self) -> None:
        if self.problem != self._told:
            self._told = self.problem
            if self._told:
                log.error("%s; revision %d stays in force", self._told, self.active)

    async def _made(
        self, held: Mapping[str, Held], documents: Mapping[str, StoredDocument | None], revision: int
    ) -> Candidate | Problem:
        return await self._slices.run(self._compiled(held, documents, revision))

    def _compiled(
        self, held: Mapping[str, Held], documents: Mapping[str, StoredDocument | None], revision: int
    ) -> Steps[Candidate | Problem]:
        """What stands with other `documents`, of which None takes one out."""
        after = {key: one.document for key, one in held.items() if key not in documents}
        after |= {key: document for key, document in sorted(documents.items()) if document is not None}
        entries: dict[str, _Entry] = {}
        for key, document in after.items():
            kept = self._entries.get(key)
            if kept is not None and kept.document is document:
                entries[key] = kept
                continue
            try:
                entries[key] = _entry(document)
            except Undecodable as error:
                return Problem(ProblemCode.UNREADABLE.value, key, "$", 0, str(error))
            except TooLarge as error:
                return Problem(ProblemCode.TOO_LARGE.value, key, "$", 0, str(error), "divide it into several documents")
            yield
        changes = tuple((key, entries[key].data if key in entries else None) for key in sorted(documents))
        rules = {key: entry.rule for key, entry in entries.items()}
        yield
        try:
            table, steps = begin_table(rules, revision, self._table)
            yield from steps
        except Exception as error:  # whatever a rule does to the compiler: it is refused, and the engine goes on
            return Problem(ProblemCode.INVALID_VALUE.value, "", "$", 0, f"the rules do not compile: {error}")
        digest = yield from digesting({key: entry.data for key, entry in entries.items()})
        return Candidate(revision, entries, changes, table, digest)


def _entry(document: StoredDocument) -> _Entry:
    data = encode(document.rule)
    if len(data) > CHUNK:
        raise TooLarge(f"its rules have {len(data)} bytes; no more than {CHUNK} of one document reach the nodes")
    return _Entry(document, data, _rules.decode(data))
