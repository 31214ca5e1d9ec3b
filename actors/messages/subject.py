"""The subject tree under `plait.<mesh>.`: one place knows where everything is said.

Every variable part is one validated token. The caller is the last token of what it publishes, so that the server's own
permissions prove it; a reply's subject names the callee, so that only the callee may publish it.
"""

from .name import label, token
from .name import topic as topic_name


class Subjects:
    """The subjects of one mesh, as the bytes that go on the wire."""

    def __init__(self, mesh: str = "default") -> None:
        self.mesh = label(mesh, "mesh")
        self.prefix = f"plait.{mesh}."

    def _join(self, *parts: str) -> bytes:
        return (self.prefix + ".".join(parts)).encode("ascii")

    # Calls

    def call(self, service: str, verb: str, instance: str, caller: str) -> bytes:
        """Where one instance is called; `verb` is the lower-case HTTP method."""
        return self._join("call", token(service), token(verb), token(instance), token(caller))

    def calls_to(self, service: str, instance: str) -> bytes:
        """What an instance listens to: every verb, every caller."""
        return self._join("call", token(service), "*", token(instance), "*")

    def reply_prefix(self, service: str, caller: str, connection: str) -> bytes:
        """What stands before the counter in the reply subject of a call to `service`."""
        return self._join("rsp", token(service), token(caller), token(connection), "")

    def replies(self, caller: str, connection: str) -> bytes:
        """What a caller listens to for its replies on one connection."""
        return self._join("rsp", "*", token(caller), token(connection), "*")

    def cancel(self, service: str, instance: str, caller: str) -> bytes:
        """Where an instance is told to stop working on a call; the payload is the call's reply subject."""
        return self._join("cancel", token(service), token(instance), token(caller))

    def cancels_to(self, service: str, instance: str) -> bytes:
        """What an instance listens to for cancellations."""
        return self._join("cancel", token(service), token(instance), "*")

    # Actors of nodes

    def actor(self, node: str, caller: str) -> bytes:
        """Where a node is told or asked something for one of its actors."""
        return self._join("actor", token(node), token(caller))

    def actors_of(self, node: str) -> bytes:
        """What a node listens to for its actors."""
        return self._join("actor", token(node), "*")

    def node_reply_prefix(self, node: str, caller: str, connection: str) -> bytes:
        """What stands before the counter in the reply subject of an ask to `node`."""
        return self._join("nrsp", token(node), token(caller), token(connection), "")

    def node_replies(self, caller: str, connection: str) -> bytes:
        """What a node listens to for the answers to its asks."""
        return self._join("nrsp", "*", token(caller), token(connection), "*")

    # Registry and policy

    def registration(self, step: str, service: str, instance: str) -> bytes:
        """Where an instance joins, renews or leaves (`step`)."""
        return self._join("reg", token(step), token(service), token(instance))

    def registrations(self, step: str) -> bytes:
        """What the registry listens to for one step."""
        return self._join("reg", token(step), "*", "*")

    def heartbeat(self, node: str) -> bytes:
        """Where a node says that it lives."""
        return self._join("hb", token(node))

    def heartbeats(self) -> bytes:
        """Every node's heartbeat."""
        return self._join("hb", "*")

    def snapshot(self, table: str, caller: str) -> bytes:
        """Where a replica of `table` (`reg` or `pol`) asks for a snapshot."""
        return self._join(token(table), "snapshot", token(caller))

    def snapshots(self, table: str) -> bytes:
        """What the owner of `table` listens to for snapshot requests."""
        return self._join(token(table), "snapshot", "*")

    def push(self, table: str, part: str) -> bytes:
        """Where the owner of `table` publishes: `part` is the service (`reg`) or the revision (`pol`)."""
        return self._join("cp", token(table), token(part))

    def pushes(self, table: str) -> bytes:
        """Every push of one table."""
        return self._join("cp", token(table), "*")

    def acknowledge(self, node: str) -> bytes:
        """Where a node says what became of a policy revision."""
        return self._join("pol", "ack", token(node))

    def acknowledgements(self) -> bytes:
        """Every node's acknowledgements."""
        return self._join("pol", "ack", "*")

    # Signals

    def health(self, service: str, reporter: str) -> bytes:
        """Outcomes and verdicts that callers share."""
        return self._join("health", token(service), token(reporter))

    def healths(self, service: str) -> bytes:
        """What all reporters say of one service."""
        return self._join("health", token(service), "*")

    def event(self, topic: str) -> bytes:
        """Where an event is shown to those outside; a topic is one token or several: `orders.created`."""
        return self._join("event", topic_name(topic))

    def span(self, node: str) -> bytes:
        """Spans on their way to the trace store."""
        return self._join("span", token(node))

    def spans(self) -> bytes:
        """Every node's spans."""
        return self._join("span", "*")

    def tap(self, node: str) -> bytes:
        """Copies of traffic for those who watch."""
        return self._join("tap", token(node))

    def dead_letter(self, service: str, instance: str) -> bytes:
        """Messages that nobody could handle."""
        return self._join("dlq", token(service), token(instance))

    # For users

    def user(self, *parts: str) -> bytes:
        """A subject of the public API, such as `policy.apply` or `registry.resolve`."""
        return self._join(*(token(part) for part in parts))
