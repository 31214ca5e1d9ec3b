"""An address on which an application is served, as those see it who open and close it."""

from typing import Protocol


class Door(Protocol):
    """What a `Listener` is to a gateway; in the simulator something without a socket."""

    async def start(self) -> None:
        """Bind and accept.

        Raises:
            StartFailed: the address cannot be had.
        """
        ...

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound.

        Raises:
            StartFailed: before `start` and after `drain`.
        """
        ...

    @property
    def connections(self) -> int:
        """How many connections are open."""
        ...

    async def drain(self, timeout: float) -> None:
        """Stop: accept no more, let open exchanges end for at most `timeout` seconds, then close all."""
        ...
