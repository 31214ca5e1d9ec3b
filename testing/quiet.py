"""Where what plait logs goes while a simulation runs: a crash that was asked for is no news for the terminal."""

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .simulation import Simulation

GUARD = "plait.actors.bus.connection"
"""Logs what a callback of the bus raised, which no service can cause."""


class Quiet:
    """While it is entered, the trace gets every warning of plait, and nobody else does."""

    def __init__(self, simulation: "Simulation") -> None:
        self._log = logging.getLogger("plait")
        self._handler = _ToTrace(simulation)

    def __enter__(self) -> None:
        self._before = self._log.propagate, self._log.level, list(self._log.handlers)
        self._log.propagate, self._log.handlers = False, [self._handler]
        self._log.setLevel(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        self._log.propagate, level, self._log.handlers = self._before
        self._log.setLevel(level)


class _ToTrace(logging.Handler):
    def __init__(self, simulation: "Simulation") -> None:
        super().__init__()
        self._simulation = simulation

    def emit(self, record: logging.LogRecord) -> None:
        loop = asyncio._get_running_loop()
        name = getattr(loop, "name", "?")
        self._simulation.trace.note(f"{name} {record.levelname.lower()}: {record.getMessage()}")
        if record.name == GUARD and record.exc_info is not None:
            error = record.exc_info[1]
            self._simulation.invariants.violated(f"{name}: {record.getMessage()}: {error!r}", error)
