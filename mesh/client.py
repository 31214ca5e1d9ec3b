"""`plait.connect`: how scripts, notebooks, web applications and the command line come to a mesh from outside."""

import random
import secrets
import time
from collections.abc import Generator
from types import TracebackType

from ..actors.bus import lean
from ..actors.messages.error import BusUnavailable
from ..actors.messages.name import label
from .address import Where, find
from .outside import Mesh


class Connecting:
    """A connection that begins when it is awaited, or when its `async with` block does, and ends with that block."""

    def __init__(self, nats: Where | str | None, mesh: str, name: str, sampling: float, timeout: float) -> None:
        self._nats = nats
        self._mesh = mesh
        self._name = name
        self._sampling = sampling
        self._timeout = timeout
        self._made: Mesh | None = None

    def __await__(self) -> Generator[object, None, Mesh]:
        return self._connect().__await__()

    async def __aenter__(self) -> Mesh:
        self._made = await self._connect()
        return self._made

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            await self._made.close()

    async def _connect(self) -> Mesh:
        name = label(self._name, "client") if self._name else ""
        target = find(self._nats, label(self._mesh, "mesh"))
        try:
            bus = await lean.connect(target.url, f"plait {name or 'client'}", login=target.login)
        except BusUnavailable as error:
            raise type(error)(
                f"the mesh {target.mesh!r} cannot be reached: {error} (the address is {target.origin})"
            ) from None
        mesh = None
        try:
            unique = secrets.token_hex(6)
            clocks = {"clock": time.monotonic, "wall_clock": time.time}
            mesh = Mesh(bus, target, name, self._sampling, unique=unique, rng=random.Random(), **clocks)
            await mesh.open(self._timeout)
        except BaseException:
            await (mesh or bus).close()
            raise
        return mesh


def connect(
    nats: Where | str | None = None,
    mesh: str = "default",
    *,
    name: str = "",
    sampling: float = 1.0,
    timeout: float = 3.0,
) -> Connecting:
    """Connect to a mesh from outside: `async with plait.connect() as mesh:`, or `mesh = await plait.connect()`.

    Args:
        nats: the bus, several servers of one cluster joined by commas; by default what `PLAIT_NATS_URL` says, else the
            mesh that `plait up` runs on this machine. How to log in is what its URL or `PLAIT_NATS_…` says.
        mesh: which mesh on that bus.
        name: who calls, as traces show it; a label such as `shop-site`.
        sampling: share of the traces that begin here which are recorded, 0 to 1.
        timeout: seconds for learning who is there and by which rules.

    Raises (where it is awaited or entered):
        BusDenied: the bus refuses the login.
        BusUnavailable: no NATS answers there.
        DeadlineExceeded: NATS does, but no mesh of that name.
        InvalidName, ValueError: an argument is none of its kind.
    """
    return Connecting(nats, mesh, name, sampling, timeout)
