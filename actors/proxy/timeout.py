"""The time limit of a route: it spans all attempts and the waits between them."""

import asyncio

from ..messages.envelope import ReplyFrame
from .call import Call
from .filter import Next


class Timeout:
    """Bounds the call; whatever waits inside honours the bound, so that no scope or timer is needed here."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Pass the call on with at most this much time.

        Raises:
            DeadlineExceeded: no reply came in time.
        """
        outer = call.limit
        end = asyncio.get_running_loop().time() + self._seconds
        call.limit = end if outer is None or end < outer else outer
        try:
            return await proceed(call)
        finally:
            call.limit = outer
