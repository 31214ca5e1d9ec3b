"""The plan of a service on one machine: what its processes run, how many there are, and when one is started again."""

import enum
import re
from collections.abc import Iterable

import msgspec

from ..actors.loop.backoff import Backoff
from ..actors.service.check import Outside
from ..examples import bookinfo

NAME = 40
"""Letters of a plan's name: a process's name adds two numbers, and a node's has 63."""


class Restart(enum.Enum):
    """When a process that ended by itself is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    """Where its status is not 0: one that ended because it was done, or drained, stays away."""
    NEVER = "never"


class Patience(msgspec.Struct, frozen=True):
    """How often a process is started again."""

    backoff: Backoff = Backoff()
    tries: int = 5
    """Starts in a row, each ended before the backoff's reset time, after which the mesh gives up; 0 never gives up."""


class Plan(msgspec.Struct, frozen=True):
    """One service: so many processes, each of which runs all its targets."""

    name: str
    targets: tuple[str, ...]
    """As `plait node` takes them: `module:Class`."""
    replicas: int = 1
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
    locality: str = ""
    restart: Restart = Restart.ALWAYS
    patience: Patience = Patience()
    directory: str = ""
    """The folder that its processes run in; empty is that of this process."""
    python_path: tuple[str, ...] = ()
    """Folders where Python looks for modules besides."""
    checks: tuple[Outside, ...] = ()
    """Health checks of its services beside their own."""
    weight: float = 1.0
    """Of each of its instances."""


def plans_of(apps: Iterable[str]) -> tuple[Plan, ...]:
    """Return the plans of what `--app` names: one process per service, Bookinfo's versions of one service together."""
    groups: dict[str, list[str]] = {}
    for app in apps:
        if app == "bookinfo":
            for target in bookinfo.SERVICES:
                groups.setdefault(target.partition(":")[0], []).append(target)
        else:
            groups[app] = [app]
    plans: dict[str, Plan] = {}
    for targets in groups.values():
        word = targets[0].partition(":")[0].rpartition(".")[2].lower()
        first = re.sub("[^a-z0-9]+", "-", word)[:NAME].strip("-") or "service"
        name, number = first, 1
        while name in plans:
            number += 1
            name = f"{first}-{number}"
        plans[name] = Plan(name, tuple(targets))
    return tuple(plans.values())
