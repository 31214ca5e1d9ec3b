"""How a filter waits: no longer than the call's own time limit."""

import asyncio

from ..loop.timer import Deadlines
from ..messages.error import DeadlineExceeded
from .call import Call


async def pause(deadlines: Deadlines, seconds: float, call: Call) -> None:
    """Wait `seconds`.

    Raises:
        DeadlineExceeded: the call's time limit ended first.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    until = loop.time() + seconds
    late = call.limit is not None and call.limit < until

    def wake() -> None:
        if not future.done():
            if late:
                future.set_exception(DeadlineExceeded())
            else:
                future.set_result(None)

    deadline = deadlines.at(call.limit if late and call.limit is not None else until, wake)
    try:
        await future
    finally:
        deadline.cancel()
