"""How rough a simulated world is: what the lines do to messages, and how often which misfortune strikes."""

import msgspec


class Lines(msgspec.Struct):
    """What happens to messages on their way; may be changed while the run goes on. Shares are 0 to 1 of all hops.

    A message takes two hops: to the server, and from there to each that listens. Core NATS never repeats a message and
    keeps the order of each connection; a mesh that bears more than that bears NATS too.
    """

    shortest: float = 0.0001
    """Seconds that each hop takes at least."""
    spread: float = 0.0009
    """Seconds that it takes beyond that, drawn evenly from 0 to this."""
    loss: float = 0.0
    """Share that vanishes."""
    duplicate: float = 0.0
    """Share that arrives twice."""
    reorder: float = 0.0
    """Share that does not wait for those sent before it."""
    slow: float = 0.0
    """Share that is late by up to `slowness` seconds more; what is sent after it waits too."""
    slowness: float = 0.25

    @property
    def rough(self) -> bool:
        """Whether anything but latency happens."""
        return bool(self.loss or self.reorder or self.slow)


class Faults(msgspec.Struct, frozen=True):
    """Random misfortune of a run. Each rate is a mean number per minute of virtual time, over the whole mesh."""

    crash: float = 6.0
    """A node dies without a word; it is started again after some seconds."""
    pause: float = 6.0
    """A node stands still (SIGSTOP, a swapped-out machine) for up to `longest_pause` seconds."""
    longest_pause: float = 6.0
    isolate: float = 3.0
    """A node's cable is out for up to `longest_cut` seconds."""
    partition: float = 2.0
    """The nodes are parted into two sets that do not hear each other, for up to `longest_cut` seconds."""
    longest_cut: float = 8.0
    reconnect: float = 4.0
    """A node loses one of its connections and makes it anew."""
    outage: float = 1.0
    """The bus itself is gone for up to two seconds."""
    jump: float = 2.0
    """A node's time of day jumps by up to an hour, either way."""
    storm: float = 3.0
    """For up to five seconds the lines lose, reorder, repeat and delay messages."""
    store: float = 3.0
    """For up to three seconds writes and reads of the durable store lose their answers, or do not happen."""
    restart: float = 2.0
    """A node is stopped in order and started again."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is a number from 0, not {getattr(self, name)!r}")

    @classmethod
    def none(cls) -> "Faults":
        """Return a calm world."""
        return cls(**dict.fromkeys(cls.kinds(), 0.0))

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """Return the names of the rates, in a fixed order."""
        return tuple(name for name in cls.__struct_fields__ if not name.startswith("longest_"))
