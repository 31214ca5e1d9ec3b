"""An instance as its callers see it: where to call it and how many calls it has in hand."""

from ..messages.instance import Instance


class Endpoint:
    """One instance in one life; snapshots share it, so that what is learnt of it outlives them."""

    __slots__ = ("active", "addresses", "gone", "instance", "weight")

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.active = 0
        """Calls from this node that wait for its answer."""
        self.weight = 1.0
        """Its share of the calls, in proportion to the others'."""
        self.gone = False
        """The registry has taken it out."""
        self.addresses: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        """By caller and method: the call's subject, and its reply subject up to the counter."""

    @property
    def id(self) -> str:
        """The instance's id."""
        return self.instance.id

    def __repr__(self) -> str:
        return f"<Endpoint {self.instance.service}/{self.instance.id} active={self.active}>"
