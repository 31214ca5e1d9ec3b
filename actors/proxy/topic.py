"""Who is interested in which events: an index of the instances by topic and group, kept up with the registry."""

import random
from collections.abc import Iterable

from .cluster import Cluster
from .endpoint import Endpoint

Group = tuple[str, str]
"""A group's name, or, of an instance that wants every event for itself, an empty name and the instance's id."""


class Topics:
    """The groups of each topic. Each is a cluster of its own, whose balancer picks the member that gets an event."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._groups: dict[str, dict[Group, Cluster]] = {}
        self._members: dict[Cluster, dict[Endpoint, None]] = {}

    def groups(self, topic: str) -> Iterable[Cluster]:
        """Return those who get an event of `topic` once each; the cluster's service is the topic, its subset the group.

        A group whose members all leave just now is among them, without an endpoint.
        """
        return self._groups.get(topic, _NOBODY).values()

    def add(self, endpoint: Endpoint) -> None:
        """Take in an instance, with what it wants now."""
        for topic, group in endpoint.instance.events:
            groups = self._groups.setdefault(topic, {})
            key = _key(endpoint, group)
            cluster = groups.get(key)
            if cluster is None:
                cluster = groups[key] = Cluster(topic, group, self._rng)
                self._members[cluster] = {}
            self._members[cluster][endpoint] = None
            self._refresh(cluster)

    def remove(self, endpoint: Endpoint) -> None:
        """Forget an instance; to be called before it changes what it wants."""
        for topic, group in endpoint.instance.events:
            groups = self._groups.get(topic, _NOBODY)
            cluster = groups.get(_key(endpoint, group))
            if cluster is None:  # named twice in one list
                continue
            members = self._members[cluster]
            members.pop(endpoint, None)
            self._refresh(cluster)
            if not members:
                del self._members[cluster], groups[_key(endpoint, group)]
            if not groups:
                del self._groups[topic]

    def _refresh(self, cluster: Cluster) -> None:
        cluster.take(tuple(self._members[cluster]))


_NOBODY: dict[Group, Cluster] = {}


def _key(endpoint: Endpoint, group: str) -> Group:
    instance = endpoint.instance
    return (group, "") if group else ("", f"{instance.service}.{instance.id}")
