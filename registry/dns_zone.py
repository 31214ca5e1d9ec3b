"""The registry as DNS sees it: instances by the names that they are asked for, kept up change by change."""

from collections.abc import Iterable, Mapping, Sequence

from ..actors.messages.codec import Codec
from ..actors.messages.error import InvalidName, Undecodable
from ..actors.messages.instance import Instance
from ..actors.messages.name import label
from .dns_name import NodeName, Part, ServiceName, fold, read
from .dns_record import Group

SERVERS = "plait-dns"
"""The service that all DNS servers of the mesh are instances of."""

_instances: Codec[Instance] = Codec[Instance](Instance)

Index = dict[str, dict[str, Instance]]


class Zone:
    """Fed with the changes that the node's replica of the registry takes in; asks nobody."""

    def __init__(self, locality: str = "") -> None:
        """`locality` is where the DNS server is: answers name instances of the same one first."""
        self.undecodable = 0
        """Entries that were no instances."""
        self.changes = 0
        """How often changes came in: what was made of the zone holds while this stands still."""
        self._locality = locality
        self._instances: dict[str, Instance] = {}
        self._services: Index = {}
        self._spaces: Index = {}
        self._nodes: Index = {}
        self._tags: dict[str, dict[str, Group]] = {}
        self._hosts: dict[str, Group] = {}

    def apply(self, changes: Mapping[str, bytes | None], whole: bool) -> None:
        """Take in changes: entries by key, None for one that is gone; what is not in a whole table is gone too."""
        self.changes += 1
        if whole:
            for key in [key for key in self._instances if key not in changes]:
                self._remove(key)
        for key, value in changes.items():
            self._remove(key)
            if value is not None:
                self._add(key, value)

    def find(self, labels: Sequence[bytes]) -> Part | Group:
        """Return what stands under an absolute name."""
        asked = read(labels)
        if isinstance(asked, Part):
            return asked
        if isinstance(asked, NodeName):
            host = self.node(asked.node)
            return Part.NOWHERE if host is None else host
        for service, tag in asked:
            if service in self._services:
                # An instance that is not healthy has its name still: that it is not there would be remembered.
                groups = self._groups(service)
                return groups.get(tag) or (Part.BRANCH if _has_below(groups, tag) else Part.NOWHERE)
        return Part.BRANCH if self._is_space(asked[0]) else Part.NOWHERE

    def node(self, name: str) -> Group | None:
        """Return what runs on a node; None where the registry knows of none."""
        if name not in self._nodes:
            return None
        group = self._hosts.get(name)
        if group is None:
            group = self._hosts[name] = Group(self._nodes[name].values(), self._locality, ports=False)
        return group

    def servers(self) -> Group | None:
        """Return the DNS servers of the mesh, as far as the registry knows them."""
        return self._groups(SERVERS)[""] if SERVERS in self._services else None

    def _groups(self, service: str) -> dict[str, Group]:
        groups = self._tags.get(service)
        if groups is None:
            tagged: dict[str, list[Instance]] = {}
            for one in self._services[service].values():
                for tag in dict.fromkeys(("", fold(one.version), *map(fold, one.labels.values()))):
                    tagged.setdefault(tag, []).append(one)
            groups = {tag: Group(ones, self._locality, ports=True) for tag, ones in tagged.items()}
            self._tags[service] = groups
        return groups

    def _is_space(self, name: ServiceName) -> bool:
        return not name.tag and name.service in self._spaces

    def _add(self, key: str, value: bytes) -> None:
        try:
            instance = _instances.decode(value)
            label(instance.node, "node")  # it becomes a label here
        except (Undecodable, InvalidName):
            self.undecodable += 1
            return
        self._instances[key] = instance
        for index, name in self._places(instance):
            index.setdefault(name, {})[key] = instance

    def _remove(self, key: str) -> None:
        instance = self._instances.pop(key, None)
        if instance is None:
            return
        for index, name in self._places(instance):
            members = index[name]
            del members[key]
            if not members:
                del index[name]

    def _places(self, instance: Instance) -> tuple[tuple[Index, str], ...]:
        """Where an instance stands; what was made of those who stood there is to be made anew."""
        self._tags.pop(instance.service, None)
        self._hosts.pop(instance.node, None)
        space = instance.service.partition("_")[2] or "default"
        return (self._services, instance.service), (self._spaces, space), (self._nodes, instance.node)


def _has_below(tags: Iterable[str], tag: str) -> bool:
    """Whether a name stands below that of `tag`: `v1.2` below `2`, so that `2` is there and empty (RFC 8020).

    Looked for only where `tag` itself is none: few versions have dots, and nothing is kept for those that nobody asks.
    """
    end = f".{tag}"
    return any(one.endswith(end) for one in tags)
