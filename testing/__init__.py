"""Tests of whole meshes in virtual time: `simulate` plays a scenario, and every failure comes again from its seed."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .door import HttpReply
    from .failure import SimulationError, SimulationFailed, Violation
    from .faults import Faults, Lines
    from .plan import SimNode
    from .run import Run, simulate
    from .simulation import Simulation

_HOMES = {
    "door": ("HttpReply",),
    "failure": ("SimulationError", "SimulationFailed", "Violation"),
    "faults": ("Faults", "Lines"),
    "plan": ("SimNode",),
    "run": ("Run", "simulate"),
    "simulation": ("Simulation",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - as they are read
    "simulate", "Simulation", "SimNode", "Faults", "Lines", "Run", "HttpReply",
    "SimulationFailed", "SimulationError", "Violation",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pytest's plugin must not load a mesh for every run of pytest."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
