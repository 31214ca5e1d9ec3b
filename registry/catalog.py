"""The registry's own copy of the table, indexed by service, node and connection; and who is buried."""

from collections import OrderedDict
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TypeVar

from ..actors.messages.codec import Codec
from ..actors.messages.error import Refused, Undecodable
from ..actors.messages.health import CRITICAL, LONGEST_REASON, OWN, STARTING, SUSPECTED, WARNING
from ..actors.messages.instance import HEAVIEST, Connection, Heartbeat, Instance
from ..actors.messages.name import label, token, topic
from ..actors.messages.table import Delta
from ..actors.table.replica import Offer, Replica, Table

Process = tuple[str, Connection]
"""One life of a node: its name and its data connection. Another process may have taken the name over."""

K = TypeVar("K")
V = TypeVar("V")

_BURIED = 10_000  # the latest of the dead: enough for any message that is still under way
_NOWHERE = Connection()
_REASONED = (WARNING, CRITICAL, STARTING)
_TOPICS = 256  # each is known to every node of the mesh

_ROLES = ("registry", "policy", "traces", "gateway", "egress", "dns", "actors")

instances: Codec[Instance] = Codec[Instance](Instance)


def key_of(service: str, instance: str) -> str:
    """Return an instance's key in the table and in the store."""
    return f"{service}.{instance}"


def validate(instance: Instance) -> None:
    """Hold what an instance says about itself against the limits.

    Raises:
        InvalidName: a name is none.
        Refused: something else is out of bounds.
    """
    name, *space = instance.service.split("_")
    label(name, "service")
    for part in space:  # one is a namespace, more belong to a host outside the mesh
        label(part, "namespace")
    token(instance.service, "service")
    label(instance.id, "instance")
    label(instance.node, "node")
    if name.startswith("plait-") and not _is_role(instance):
        raise Refused(f"the names plait-… are the mesh's own: a service cannot be called {name}")
    if instance.health not in OWN:
        raise Refused(f"health is one of {', '.join(OWN)}")
    if len(instance.reason) > LONGEST_REASON:
        raise Refused(f"a reason has at most {LONGEST_REASON} characters")
    if instance.reason and instance.health not in _REASONED:
        raise Refused(f"only {', '.join(_REASONED)} stand with a reason")
    if instance.health == WARNING and not instance.reason:
        raise Refused("a warning has a reason")
    if instance.incarnation < 1:
        raise Refused("an incarnation is at least 1")
    if instance.address and not _is_address(instance.address):
        raise Refused(f"address {instance.address[:64]!r} is no IP address, as 10.0.0.5 or 2001:db8::5")
    if not 0 <= instance.port <= 65535:
        raise Refused("a port is a number from 0 to 65535")
    if not 0 <= instance.weight <= HEAVIEST:  # NaN is none of both
        raise Refused(f"a weight is a number from 0 to {HEAVIEST:.0f}")
    texts = [instance.version, instance.locality, *instance.labels, *instance.labels.values()]
    if not all(map(str.isprintable, texts)):
        raise Refused("version, locality and labels are printable text")
    if len(instance.labels) > 64 or max(map(len, texts)) > 255:
        raise Refused("at most 64 labels, and no text of more than 255 characters")
    if len(instance.events) > _TOPICS:
        raise Refused(f"an instance wants events of at most {_TOPICS} topics")
    for wanted, group in instance.events:
        topic(wanted)
        if group:
            token(group, "group")


def _is_role(instance: Instance) -> bool:
    """Whether a role of a node registers, in the one form that they have: there is one of each on a node."""
    role = instance.service.removeprefix("plait-")
    return role in _ROLES and instance.id == f"{instance.service}-{instance.node}"[-63:].strip("-")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone names an interface of one machine: it says nothing to others


class Catalog:
    """Instances as they stand at one revision of the store."""

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}
        self.undecodable = 0
        self._replica = Replica()
        self._services: dict[str, dict[str, Instance]] = {}
        self._processes: dict[Process, dict[str, None]] = {}
        self._connections: dict[Connection, dict[str, None]] = {}
        self._controls: dict[Connection, dict[str, None]] = {}
        self._suspected: dict[Process, dict[str, None]] = {}
        self._buried: OrderedDict[str, int] = OrderedDict()

    # The table

    @property
    def revision(self) -> int:
        """The revision of the store that this is."""
        return self._replica.revision

    @property
    def gap(self) -> bool:
        """True while a change is missing that others build on."""
        return self._replica.gap

    @property
    def epoch(self) -> int:
        """The epoch of that revision."""
        return self._replica.epoch

    def table(self) -> Table:
        """Return what stands, for snapshots."""
        return Table(self._replica.revision, self._replica.entries, self._replica.epoch)

    def early(self) -> frozenset[tuple[int, int]]:
        """Return the epochs and revisions of the changes that are held for one that is missing."""
        return self._replica.early()

    def drop(self, early: Iterable[tuple[int, int]]) -> int:
        """Hold some of them no longer; return how many they were."""
        return self._replica.drop(early)

    def offer(self, delta: Delta) -> Offer:
        """Take in a change of one's own or of another registry."""
        offer = self._replica.offer(delta)
        self._index()
        return offer

    def install(self, table: Table) -> None:
        """Take in the whole store."""
        self._replica.install(table)
        self._index()

    def _index(self) -> None:
        for key, value in self._replica.take().items():
            before = self.instances.pop(key, None)
            if before is not None:
                _leave(self._services, before.service, key)
                _leave(self._processes, (before.node, before.data), key)
                _leave(self._connections, before.data, key)
                _leave(self._controls, before.control, key)
                _leave(self._suspected, (before.node, before.data), key)
            if value is None:
                if before is not None:
                    self.bury(key, before.incarnation)
                continue
            try:
                instance = instances.decode(value)
            except Undecodable:
                self.undecodable += 1  # written by nobody who keeps to the protocol: not shown, not touched
                continue
            self.instances[key] = instance
            self._services.setdefault(instance.service, {})[key] = instance
            self._processes.setdefault((instance.node, instance.data), {})[key] = None
            if instance.health == SUSPECTED:
                self._suspected.setdefault((instance.node, instance.data), {})[key] = None
            if instance.data != _NOWHERE:
                self._connections.setdefault(instance.data, {})[key] = None
            if instance.control != _NOWHERE:
                self._controls.setdefault(instance.control, {})[key] = None

    # Questions

    def of_service(self, service: str) -> list[Instance]:
        """Return a service's instances by key; every instance where `service` is empty."""
        found = self._services.get(service, {}) if service else self.instances
        return [found[key] for key in sorted(found)]

    def processes(self) -> list[Process]:
        """Return the processes that have instances."""
        return list(self._processes)

    def of_process(self, process: Process) -> list[str]:
        """Return the keys of a process's instances."""
        return list(self._processes.get(process, ()))

    def suspected(self) -> list[Process]:
        """Return the processes of which instances stand as suspected."""
        return list(self._suspected)

    def on_connection(self, connection: Connection) -> list[str]:
        """Return the keys of the instances that are called over a connection."""
        return list(self._connections.get(connection, ()))

    def led_by(self, connection: Connection) -> list[str]:
        """Return the keys of the instances whose node has a connection for all that is no call."""
        return list(self._controls.get(connection, ()))

    def missing(self, beat: Heartbeat) -> frozenset[tuple[str, str]]:
        """Return (service, instance id) of what a heartbeat names and the table does not have like that."""
        unknown: list[tuple[str, str]] = []
        for service, name, incarnation in beat.instances:
            known = self.instances.get(key_of(service, name))
            if known is None or known.incarnation != incarnation or known.data != beat.data:
                unknown.append((service, name))
        return frozenset(unknown)

    def behind(self, beat: Heartbeat) -> tuple[tuple[str, str], ...]:
        """Return (service, instance id) of those that have said more of themselves than the table has."""
        found: list[tuple[str, str]] = []
        for service, name, renewal in beat.renewals:
            known = self.instances.get(key_of(service, name))
            if known is not None and known.renewal < renewal:
                found.append((service, name))
        return tuple(found)

    # The dead

    def bury(self, key: str, incarnation: int) -> None:
        """Remember that this life of an instance is over."""
        self._buried[key] = max(incarnation, self._buried.pop(key, 0))
        while len(self._buried) > _BURIED:
            self._buried.popitem(last=False)

    def buried(self, key: str, incarnation: int) -> int:
        """Return the latest life of an instance that is over, where it is this one or a later one; else 0."""
        over = self._buried.get(key, 0)
        return over if incarnation <= over else 0


def _leave(index: dict[K, dict[str, V]], name: K, key: str) -> None:
    members = index.get(name)
    if members is not None:
        members.pop(key, None)
        if not members:
            del index[name]
