"""An ask that came over the bus: its answer goes back there."""

from typing import TYPE_CHECKING, Any

from ..loop.timer import Deadline
from ..messages.error import HandlerFailed, MeshError
from .mailbox import Mail

if TYPE_CHECKING:
    from .post import Post


class Letter(Mail, kw_only=True, eq=False):
    """One ask of another node in an actor's hands."""

    post: "Post"
    key: bytes
    """The reply subject, which names the ask."""
    who: str
    """The actor's address."""
    expiry: Deadline | None = None
    ended: bool = False

    @property
    def asked(self) -> bool:
        """True: somebody hears what became of it."""
        return True

    def answer(self, value: Any) -> None:
        """Send the actor's answer."""
        if self._end():
            self.post.answer(self, value)

    def fail(self, error: BaseException) -> None:
        """Send why there is none."""
        if self._end():
            known = error if isinstance(error, MeshError) and error.cause else HandlerFailed()
            self.post.refuse(self.key, known)

    def crashed(self, error: BaseException) -> None:
        """Send that the actor raised; never its error itself, which an asker would take for this ask's own."""
        if not isinstance(error, HandlerFailed):
            error = HandlerFailed(f"{self.who} failed: {type(error).__name__}: {error}")
        self.fail(error)

    def expire(self) -> None:
        """Nobody waits any more: stop, and say nothing."""
        if self._end():
            self.deadline = float("-inf")  # where it still waits in the mailbox it is dropped when its turn comes
            if self.task is not None:
                self.task.cancel()

    def _end(self) -> bool:
        if self.ended:
            return False
        self.ended = True
        self.post.asks.pop(self.key, None)
        if self.expiry is not None:
            self.expiry.cancel()
        return True
