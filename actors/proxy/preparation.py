"""One policy revision on its way to being ready on a node: put together, checked and compiled beside the traffic."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..loop.slice import Job, Slices, Steps
from ..messages.table import Prepare
from ..table.replica import apply, digesting

PrepareRevision = Callable[[int, Mapping[str, bytes]], Steps[object]]
"""Compiles a revision from the whole table, in slices; may raise."""


class OtherDigest(ValueError):
    """What this node made of the changes is not what the policy engine has."""


class Prepared(NamedTuple):
    """A revision that can be activated at once."""

    revision: int
    entries: Mapping[str, bytes]
    """The whole table."""
    compiled: object


Done = Callable[[int, Prepared | Exception], None]
"""Takes a revision and what became of it: `OtherDigest`, or whatever the compiler raised."""


class Preparation:
    """The work on one revision at a time; to begin another one gives it up."""

    def __init__(self, slices: Slices, prepare: PrepareRevision) -> None:
        self.revision = 0
        """The revision that is being worked on; 0 while there is none."""
        self.wanted = False
        """True where that revision is to be activated as soon as it is ready."""
        self._slices = slices
        self._prepare = prepare
        self._job: Job[Prepared] | None = None
        self._over = asyncio.Event()

    def build(self, before: Mapping[str, bytes], parts: Sequence[Prepare], done: Done) -> None:
        """Work on a revision given the table before it; `done` may be called before this returns."""
        self._begin(parts[0].revision, self._built(before, parts), done, wanted=False)

    def take(self, revision: int, entries: Mapping[str, bytes], done: Done) -> None:
        """Work on a revision that came whole, and is wanted."""
        self._begin(revision, self._compiled(revision, entries), done, wanted=True)

    def give_up(self) -> None:
        """End the work."""
        if self._job is not None:
            self._job.cancel()
        self._end()

    async def over(self) -> None:
        """Wait until nothing is being worked on."""
        if self.revision:
            await self._over.wait()

    def _begin(self, revision: int, steps: Steps[Prepared], done: Done, *, wanted: bool) -> None:
        self.give_up()
        self.revision, self.wanted = revision, wanted
        self._over.clear()

        def over(made: Prepared | Exception) -> None:
            self._end()
            done(revision, made)

        job = self._slices.start(steps, over)
        if self.revision == revision:
            self._job = job

    def _end(self) -> None:
        self.revision, self._job = 0, None
        self._over.set()

    def _built(self, before: Mapping[str, bytes], parts: Sequence[Prepare]) -> Steps[Prepared]:
        entries = dict(before)
        for part in parts:
            apply(entries, part.changes)
        yield
        if (yield from digesting(entries)) != parts[0].digest:
            raise OtherDigest("the digest is another: what this node has is not what it should be")
        return (yield from self._compiled(parts[0].revision, entries))

    def _compiled(self, revision: int, entries: Mapping[str, bytes]) -> Steps[Prepared]:
        return Prepared(revision, entries, (yield from self._prepare(revision, entries)))
