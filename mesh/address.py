"""Where a mesh's bus is: named, in the environment, in the run file, or NATS's own port, in this order."""

import os
from typing import NamedTuple

from . import run_file

DEFAULT = "nats://127.0.0.1:4222"
VARIABLE = "PLAIT_NATS_URL"


class Target(NamedTuple):
    """Which bus to go to, and how that was found."""

    url: str
    mesh: str
    origin: str
    """Whose word it is: `the URL given`, `PLAIT_NATS_URL`, `the run file` or `the default`."""

    @property
    def shown(self) -> str:
        """The URL without what stands before its last `@`: that may be a password."""
        scheme, found, rest = self.url.rpartition("://")
        return f"{scheme}{found}{rest.rpartition('@')[2]}"


def find(nats: str | None, mesh: str) -> Target:
    """Return where the bus of a mesh is.

    Raises:
        InvalidName: the mesh's name is no label.
    """
    if nats:
        return Target(nats, mesh, "the URL given")
    if named := os.environ.get(VARIABLE):
        return Target(named, mesh, VARIABLE)
    run = run_file.read(mesh)
    return Target(run.nats, mesh, "the run file") if run is not None else Target(DEFAULT, mesh, "the default")


def system_url(target: Target) -> str:
    """Return the system account's URL of the bus that the run file names; empty for any other bus."""
    run = run_file.read(target.mesh)
    return run.nats_sys if run is not None and run.nats == target.url else ""
