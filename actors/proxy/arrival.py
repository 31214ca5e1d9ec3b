"""Who takes note of what came of the calls that an instance was sent."""

from typing import Protocol

from ..messages.envelope import CallFrame, ReplyFrame


class Arrivals(Protocol):
    """Asked once for each call that could be read."""

    def ended(self, caller: bytes, frame: CallFrame, reply: ReplyFrame | None, began: float) -> None:
        """Take note of one call.

        Args:
            caller: who called, as the subject proves; empty for this very node.
            frame: the call.
            reply: the answer; None where nobody waited for it any more.
            began: loop time at which it was taken; 0 where it was refused before.
        """
        ...
