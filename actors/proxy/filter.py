"""What a filter is, and how filters become a chain."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from ..messages.envelope import ReplyFrame
from .call import Call

Next = Callable[[Call], Awaitable[ReplyFrame]]


class Filter(Protocol):
    """One small thing done around a call."""

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Return the reply: that of `proceed(call)`, of several of them, or another."""
        ...


def stack(filters: Sequence[Filter], last: Next) -> Next:
    """Return the chain; the first filter is outermost: it sees the call first and the reply last."""
    for outer in reversed(filters):
        last = partial(outer, proceed=last)
    return last
