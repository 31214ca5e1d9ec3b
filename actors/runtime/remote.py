"""What a reference needs of the way to other nodes; `post` is that way."""

from collections.abc import Awaitable
from typing import Any, Protocol

from .context import CallContext
from .watch import Heard


class Remote(Protocol):
    """Brings messages to actors of other nodes; an address is `node/path`, and never one of this node."""

    def tell(self, address: str, message: Any, here: CallContext | None) -> None:
        """Send without an answer.

        Raises:
            BadMessage: the message cannot be encoded.
            MeshError: it was not sent.
        """
        ...

    def ask(self, address: str, message: Any, timeout: float, here: CallContext | None) -> Awaitable[bytes]:
        """Send and wait for the answer as it travels (see `Copier.incoming`).

        Raises:
            MeshError: as `Ref.ask`.
        """
        ...

    def watch(self, address: str, watcher: Any, heard: Heard) -> None:
        """Have `heard` called once when the actor or its node is gone."""
        ...

    def unwatch(self, address: str, watcher: Any) -> None:
        """Watch no more."""
        ...
