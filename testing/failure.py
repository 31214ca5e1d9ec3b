"""What a simulated run may end in besides its result."""


class SimulationError(Exception):
    """The simulation was asked for something that it cannot do."""


class Stuck(SimulationError):
    """Nothing can happen any more, or it happens for ever."""


class Violation(AssertionError):
    """An invariant does not hold; the message says which, where and when."""


class SimulationFailed(AssertionError):
    """A run failed; the message has the reason, the seed, how to play it again and the last that happened.

    `seed`, `reason` and `trace` (the lines) are there for programs.
    """

    def __init__(self, seed: int, reason: BaseException, trace: list[str], shown: int = 40) -> None:
        self._made_of = seed, reason, trace, shown
        self.seed = seed
        self.reason = reason
        self.trace = trace
        kind = "" if isinstance(reason, Violation) else f"{type(reason).__name__}: "
        left = len(trace) - shown
        head = f"… {left} lines before, in `trace`\n" if left > 0 else ""
        super().__init__(
            f"seed {seed}: {kind}{reason}\n"
            f"play it again with simulate(…, seed={seed}), or pytest --plait-seed={seed}\n"
            f"the last that happened (virtual seconds):\n{head}" + "\n".join(trace[-shown:])
        )

    def __reduce__(self) -> tuple[type["SimulationFailed"], tuple[int, BaseException, list[str], int]]:
        """Let it travel to other processes, as pools of them do."""
        return SimulationFailed, self._made_of
