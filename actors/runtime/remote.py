"""What a reference needs of the way to other nodes; `post` is that way."""

from typing import Any, Protocol

from .context import CallContext
from .watch import Heard


class Remote(Protocol):
    """Brings messages to actors of other nodes."""

    def tell(self, node: str, path: str, message: Any, here: CallContext | None) -> None:
        """Send without an answer.

        Raises:
            BadMessage: the message cannot be encoded.
            MeshError: it was not sent.
        """
        ...

    async def ask(self, node: str, path: str, message: Any, timeout: float, into: Any, here: CallContext | None) -> Any:
        """Send and wait for the answer, decoded to `into`.

        Raises:
            MeshError: as `Ref.ask`.
        """
        ...

    def watch(self, node: str, path: str, watcher: Any, heard: Heard) -> None:
        """Have `heard` called once when the actor or its node is gone."""
        ...

    def unwatch(self, node: str, path: str, watcher: Any) -> None:
        """Watch no more."""
        ...
