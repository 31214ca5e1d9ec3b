"""One process for each name of a node: whoever starts asks first whether the name is in use."""

from ..actors.bus.ask import ask
from ..actors.messages.error import MeshError, Refused
from .link import Link


async def make_sure_of(name: str, link: Link, timeout: float) -> None:
    """Make sure that no other process runs as the node `name`: what is told to the node's actors would reach both.

    A name that nobody has costs one round trip, for the server says itself that nobody listens. Of two processes that
    ask within the same milliseconds both may start.

    Raises:
        Refused: another process answers to the name.
    """
    reply = f"_INBOX.{link.control.token}".encode()
    inbox = link.control.inbox(reply)
    try:
        await ask(link.control, link.subjects.user("actors", name), b"", reply, timeout, link.deadlines)
    except MeshError:
        return  # nobody has it; or nothing answers on this bus, which shows soon enough
    finally:
        inbox.unsubscribe()
    raise Refused(
        f"a node named {name} runs already in the mesh {link.subjects.mesh}: start this one by another --name, or end "
        f"that one with `plait drain {name}`"
    )
