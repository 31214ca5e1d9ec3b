"""Callers and called for the measurement of outlier detection: nodes that a file names answer with 500."""

import os
from pathlib import Path

from plait.actors import MeshError, Response, Service, get
from plait.actors.proxy.gossip import Gossip

if "OUTLYING_ALONE" in os.environ:  # every caller for itself, as in meshes that share nothing

    def _mute(_gossip: Gossip) -> None:
        """Neither tell nor hear."""

    Gossip.open = _mute  # type: ignore[method-assign]


def ill(node: str) -> bool:
    """Whether the file names this node."""
    path = Path(os.environ["OUTLYING_ILL"])
    return path.exists() and path.read_text() == node


class Goods(Service, name="goods"):
    @get("/goods")
    async def goods(self) -> Response:
        return Response(b"", 500 if ill(self.hosting.instance.node) else 200)


class Shop(Service, name="shop"):
    @get("/buy")
    async def buy(self) -> Response:
        try:
            return Response(str((await self.call("goods", "/goods")).status))
        except MeshError as error:
            return Response(str(error))
