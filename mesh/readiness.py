"""Waits until callers are given a node's services, and says what keeps them waiting."""

import asyncio
from collections.abc import Callable, Sequence

from ..actors.loop.timer import sleep_until
from ..actors.messages.error import StartFailed
from ..actors.runtime.surroundings import Surroundings
from .hosting import Hosted

LOOK = 0.01
"""Seconds between two looks."""

SAY = 3.0
"""Seconds between two words about what is not ready."""


async def routable(
    hosted: Sequence[Hosted],
    surroundings: Surroundings,
    failed: "asyncio.Future[Exception]",
    tell: Callable[[str], object],
) -> None:
    """Return when the checks of every instance have passed and the registry has told this node so.

    Raises:
        StartFailed: the node's actors have given up meanwhile.
    """
    said = surroundings.clock()
    while True:
        waiting = [(one.instance.id, why) for one in hosted if (why := one.waits_for())]
        if not waiting:
            return
        if failed.done():
            raise StartFailed(str(failed.result()))
        if surroundings.clock() - said >= SAY:
            said = surroundings.clock()
            for name, why in waiting:
                tell(f"{name} is not ready: {why}")
        await sleep_until(surroundings.deadlines, surroundings.clock() + LOOK)
