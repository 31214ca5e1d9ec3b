"""Bugs to be planted on purpose: what a sweep of seeds must find, or it proves nothing."""

import contextlib
from collections.abc import Iterator

import pytest

from plait.actors.messages.error import UnknownOutcome
from plait.actors.policy import archive
from plait.actors.proxy.inbound import Served
from plait.actors.runtime.cell import Cell
from plait.actors.runtime.intensity import Intensity
from plait.actors.runtime.life_state import Life
from plait.actors.table.memory_store import MemoryKeyValue
from plait.actors.table.replica import Replica
from plait.testing.network import SimServer


def revision(patch):
    """A replica becomes any snapshot, also one of before (the dropped revision check)."""
    install = Replica.install

    def unchecked(self, revision, entries):
        if revision < self.revision:
            self.revision = 0
        return install(self, revision, entries)

    patch.setattr(Replica, "install", unchecked)


def barrier(patch):
    """Connections trust whatever they read after they stood still."""
    patch.setattr(SimServer, "barrier", lambda self, host: None)


def create(patch):
    """The store lets a second writer of a revision overwrite the first."""

    async def create(self, key, value):
        self._entries.pop(key, None)
        return self._write(key, value)

    patch.setattr(MemoryKeyValue, "create", create)


def early(patch):
    """The policy engine takes a write without an answer for one that took place."""

    async def hasty(store, key, value, last, tries=3):
        try:
            return await store.create(key, value)
        except UnknownOutcome:
            return 0

    patch.setattr(archive, "write", hasty)


def intensity(patch):
    """Supervisors restart for ever."""
    patch.setattr(Intensity, "exceeded", lambda self, now: False)


def turns(patch):
    """Actors take the next message while one is in hand."""

    def deliver(self, mail):
        if self.life is Life.RUNNING:
            self._work(mail)
        else:
            self._keep(mail)

    patch.setattr(Cell, "deliver", deliver)


def answers(patch):
    """A service answers each tenth call twice."""
    answer = Served.answer

    def twice(self, value):
        answer(self, value)
        if self.frame.call % 10 == 0:
            self.ended = False
            answer(self, value)

    patch.setattr(Served, "answer", twice)


def deadline(patch):
    """Work goes on though its caller's time has ended."""
    patch.setattr(Served, "expire", lambda self: None)


PLANTS = {plant.__name__: plant for plant in (revision, barrier, create, early, intensity, turns, answers, deadline)}


@contextlib.contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant a bug for a while; none where the name is empty."""
    with pytest.MonkeyPatch.context() as patch:
        if name:
            PLANTS[name](patch)
        yield
