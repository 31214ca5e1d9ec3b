"""An ask within a node: answered on the spot where the actor is free and need not wait, else by a future."""

import asyncio
from typing import TYPE_CHECKING, Any

from ..messages.error import DeadlineExceeded, HandlerFailed
from .mailbox import Mail

if TYPE_CHECKING:
    from .life import Living


class Question(Mail, eq=False):
    """One ask on its way; `outcome` or `error` say what came of it once it is `over`."""

    who: str = ""
    """The address of the actor that is asked."""
    over: bool = False
    outcome: Any = None
    error: BaseException | None = None

    @property
    def asked(self) -> bool:
        """True: somebody hears what became of it."""
        return True

    def answer(self, value: Any) -> None:
        """The actor handled the message and returned `value`."""
        if not self.over:
            self.outcome = value
            self._end()

    def fail(self, error: BaseException) -> None:
        """The message was not handled."""
        if not self.over:
            self.error = error
            self._end()

    def crashed(self, error: BaseException) -> None:
        """The actor raised; never the error itself, which an asker would take for this ask's own."""
        failed = error
        if not isinstance(error, HandlerFailed):
            failed = HandlerFailed(f"{self.who} failed: {type(error).__name__}: {error}")
            failed.__cause__ = error
        self.fail(failed)

    def _end(self) -> None:
        self.over = True
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(None)

    def give_up(self) -> None:
        """Nobody waits any more: stop the work in hand; where it still waits it is dropped at its turn."""
        self.over = True
        self.deadline = float("-inf")
        if self.task is not None:
            self.task.cancel()

    def late(self) -> None:
        """The time is over."""
        if not self.over:
            self.error = DeadlineExceeded(f"{self.who} did not answer in time")
            self.give_up()
            if self.reply is not None and not self.reply.done():
                self.reply.set_result(None)

    async def wait(self, cell: "Living", when: float) -> None:
        """Wait until it is over, at most until `when`."""
        around = cell.surroundings
        future: asyncio.Future[Any] = around.loop.create_future()
        self.reply = future
        deadline = around.deadlines.at(when, self.late)
        try:
            await future
        finally:
            deadline.cancel()
            self.reply = None
            if not self.over:
                self.give_up()  # the asker itself was cancelled
