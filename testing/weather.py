"""What the lines do to a message: how long it takes, whether it vanishes, comes twice, or passes others."""

import random

from .faults import Lines


class Weather:
    """The lines of one run, and the storm over them."""

    def __init__(self, lines: Lines, rng: random.Random) -> None:
        self.lines = lines
        self.storm = Lines(0.0, 0.0)
        """What goes wrong beyond that, for a while."""
        self.counts = {"lost": 0, "repeated": 0, "reordered": 0}
        self._draw = rng.random

    def when(self, now: float, due: float, *, sure: bool) -> float | None:
        """Return when what is sent at `now` arrives, behind what arrives at `due`; None where it is lost.

        `sure` is what TCP and the server lose never: PINGs and their PONGs.
        """
        lines, storm, draw = self.lines, self.storm, self._draw
        when = now + lines.shortest + lines.spread * draw()
        if lines.rough or storm.rough:
            if draw() < lines.slow + storm.slow:
                when += max(lines.slowness, storm.slowness) * draw()
            if not sure and draw() < lines.loss + storm.loss:
                self.counts["lost"] += 1
                return None
            if not sure and draw() < lines.reorder + storm.reorder:
                self.counts["reordered"] += 1
                return when  # past those before it
        return max(due, when)

    def twice(self) -> bool:
        """Draw whether a message is delivered twice."""
        share = self.lines.duplicate + self.storm.duplicate
        if not share or self._draw() >= share:
            return False
        self.counts["repeated"] += 1
        return True

    @property
    def longest(self) -> float:
        """Seconds that a hop may take now."""
        lines, storm = self.lines, self.storm
        slowness = max(lines.slowness, storm.slowness) if lines.slow or storm.slow else 0.0
        return lines.shortest + lines.spread + slowness
