"""What is said about instances: who they are, that they join, live and leave."""

import msgspec

from .health import HEALTHY
from .load import LoadReport

HEAVIEST = 1e9
"""The greatest weight of an instance."""


class Connection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One connection to the bus as the server names it: its disconnect event carries the same pair."""

    server: str = ""
    client: int = 0


class Instance(msgspec.Struct, frozen=True, array_like=True):
    """One running copy of a service, as the registry keeps it."""

    id: str
    service: str
    """The service's subject token: `reviews`, or `reviews_ns` outside the namespace `default`."""
    version: str
    labels: dict[str, str]
    locality: str
    """`region/zone/subzone`, empty where unknown."""
    node: str
    incarnation: int
    """Rises each time the instance joins: a late message of an earlier life is known by it."""
    data: Connection = Connection()
    control: Connection = Connection()
    health: str = HEALTHY
    """One of the words of `health.py`: its own, or what registries make of silence, `suspected`."""
    events: tuple[tuple[str, str], ...] = ()
    """(topic, group) of the events that it wants; each group gets an event once, where it is empty every instance."""
    address: str = ""
    """The IP address at which its node is reached from other machines; empty where it did not say."""
    port: int = 0
    """The port that it listens on for others than the mesh; 0 where nothing listens: the mesh calls over the bus."""
    reason: str = ""
    """Why it is `warning`, `critical` or `starting`, for people; empty for any other health."""
    renewal: int = 0
    """Rises with every word that it says about itself in this life: an earlier one that comes late is known by it."""
    weight: float = 1.0
    """Its share of the calls in proportion to the others', 0 to `HEAVIEST`; 0 has none while others have any."""


class Join(msgspec.Struct, frozen=True, array_like=True):
    """An instance asks to be in the registry, or (`renew`) for other words about itself; the answer is a `Joined`."""

    instance: Instance


class Leave(msgspec.Struct, frozen=True, array_like=True):
    """An instance takes itself out; the answer is a `Joined` with the revision at which it is out."""

    id: str
    service: str
    incarnation: int


class Joined(msgspec.Struct, frozen=True, array_like=True):
    """The registry's answer."""

    revision: int = 0
    error: str = ""
    """Why it was refused; empty when it was not."""
    code: str = ""
    """`unavailable`: try again. `failed_precondition`: join again, with a later incarnation. `invalid_argument`: never
    again."""
    incarnation: int = 0
    """Where a later life of the instance is why it was refused: that life's number."""
    taken: bool = False
    """Whether that life is in; else it is over."""


class Heartbeat(msgspec.Struct, frozen=True, array_like=True):
    """A node lives; one heartbeat stands for all its instances."""

    node: str
    sequence: int
    data: Connection
    control: Connection
    instances: tuple[tuple[str, str, int], ...] = ()
    """(service, instance id, incarnation) of each."""
    lag: float = 0.0
    """Seconds that the node's event loop was late since the last heartbeat."""
    renewals: tuple[tuple[str, str, int], ...] = ()
    """(service, instance id, number of the last renewal) of those that have said more than that they join."""
    loads: tuple[tuple[str, str, LoadReport], ...] = ()
    """(service, instance id, how busy it is) of those that are called."""


class Beat(msgspec.Struct, frozen=True, array_like=True):
    """The registry's answer to a heartbeat that asks for one."""

    revision: int = 0
    unknown: tuple[tuple[str, str], ...] = ()
    """(service, instance id) of what the registry does not have as the heartbeat names it: join again, with a later
    incarnation."""
    behind: tuple[tuple[str, str], ...] = ()
    """(service, instance id) of those whose last words the registry does not have: renew again."""
