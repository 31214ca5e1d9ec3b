"""Where a mesh's bus is: named, in the environment, in the run file, or NATS's own port, in this order."""

import os
from typing import NamedTuple

from ..actors.bus.login import NOBODY, Login
from . import run_file
from .login import read

DEFAULT = "nats://127.0.0.1:4222"
VARIABLE = "PLAIT_NATS_URL"


class Where(NamedTuple):
    """What a command or a script was told about the bus."""

    url: str | None
    """Its servers, joined by commas; None and empty: not told."""
    login: Login


class Target(NamedTuple):
    """Which bus to go to, and how that was found."""

    url: str
    """Its servers, joined by commas."""
    mesh: str
    origin: str
    """Whose word it is: `the URL given`, `PLAIT_NATS_URL`, `the run file` or `the default`."""
    login: Login = NOBODY

    @property
    def shown(self) -> str:
        """The URLs without what stands before the last `@` of each: that may be a password."""
        return ",".join(_shown(url) for url in self.url.split(","))


def find(nats: Where | str | None, mesh: str) -> Target:
    """Return where the bus of a mesh is, and how to log in; a login not given is the environment's.

    Raises:
        InvalidName: the mesh's name is no label.
        BusDenied: the parts of the environment's login do not go together.
    """
    given = nats if isinstance(nats, Where) else Where(nats, read(os.environ))
    if given.url:
        return Target(given.url, mesh, "the URL given", given.login)
    if named := os.environ.get(VARIABLE):
        return Target(named, mesh, VARIABLE, given.login)
    run = run_file.read(mesh)
    if run is None:
        return Target(DEFAULT, mesh, "the default", given.login)
    return Target(run.nats, mesh, "the run file", run.login if given.login == NOBODY else given.login)


def system_url(target: Target) -> str:
    """Return the system account's URL of the bus that the run file names; empty for any other bus."""
    run = run_file.read(target.mesh)
    return run.nats_sys if run is not None and run.nats == target.url else ""


def _shown(url: str) -> str:
    scheme, found, rest = url.strip().rpartition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"
