"""How late an event loop is: at its last beat, and at worst in the last ten seconds."""

SPAN = 10
"""Seconds that `worst` looks back on; the oldest of them may be over by part of a second."""


class Lag:
    """Sliding figures of one loop, kept second by second: a beat costs a comparison, not a list of all beats."""

    def __init__(self) -> None:
        self.last = 0.0
        """Seconds that the last beat was late."""
        self._worst = [0.0] * SPAN
        self._seconds = [-SPAN] * SPAN
        """Which second of the clock each of `_worst` speaks of."""

    def note(self, now: float, late: float) -> None:
        """Take in that the beat at `now` was `late` seconds late."""
        self.last = late
        second = int(now)
        place = second % SPAN
        if self._seconds[place] != second:
            self._seconds[place], self._worst[place] = second, late
        elif late > self._worst[place]:
            self._worst[place] = late

    def worst(self, now: float) -> float:
        """Return the most that a beat was late within `SPAN` seconds before `now`; 0 where there was none."""
        oldest = int(now) - SPAN
        seconds = zip(self._seconds, self._worst, strict=True)
        return max((worst for second, worst in seconds if second > oldest), default=0.0)
