"""What callers, this node among them, say of one instance: their failures in a row since somebody had an answer."""

from collections.abc import Callable

import msgspec

Believes = Callable[[str], bool]
"""Returns whether a caller's word is believed."""

HOLD = 10.0
"""Seconds for which a word counts."""

SPEAKERS = 32
"""Callers whose words on one instance are kept; five would do to eject it."""

Counts = tuple[int, int, int]
"""Failures in a row: (errors, gateway errors, failures without an answer)."""

NONE: Counts = (0, 0, 0)


class Word(msgspec.Struct):
    """The last word of one caller."""

    heard: float
    counts: Counts = NONE
    base: Counts = NONE
    """What of `counts` was before the last success of anybody."""
    out: float = 0.0
    """Until when it has the instance out of rotation."""

    def since(self, kind: int) -> int:
        """Return the failures of a kind since anybody's last success."""
        return self.counts[kind] - self.base[kind]


class Testimony:
    """The words on one instance in one life."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        self.words: dict[str, Word] = {}

    def say(self, speaker: str, counts: Counts, now: float, out: float = 0.0) -> None:
        """Take in a caller's word; all zero is a success, after which everybody's failures count anew."""
        word = self.words.get(speaker)
        if word is None:
            if len(self.words) >= SPEAKERS:
                del self.words[min(self.words, key=lambda one: self.words[one].heard)]
            word = self.words[speaker] = Word(now)
        if any(new < old for new, old in zip(counts, word.base, strict=True)):
            word.base = NONE  # it has had a success since, whose word was lost
        word.counts, word.heard, word.out = counts, now, out
        if counts == NONE and not out:
            for each in self.words.values():
                each.base = each.counts

    def together(self, kind: int, threshold: int, now: float, believed: Believes) -> tuple[int, int]:
        """Return the failures of a kind since anybody's success, and of how many callers; each counts for less than
        the threshold, which one alone must not reach."""
        counts = [
            min(word.since(kind), threshold - 1)
            for speaker, word in self.words.items()
            if word.since(kind) > 0 and now - word.heard <= HOLD and believed(speaker)
        ]
        return sum(counts), len(counts)

    def out(self, now: float, believed: Believes) -> list[float]:
        """Return until when each believed caller has it out of rotation, of those that have."""
        return [
            word.out
            for speaker, word in self.words.items()
            if word.out > now and now - word.heard <= HOLD and believed(speaker)
        ]

    def accuses(self, speaker: str, now: float) -> bool:
        """Return whether this caller complains of it."""
        word = self.words.get(speaker)
        return word is not None and _complains(word, now)

    def accused(self, now: float) -> bool:
        """Return whether anybody complains of it."""
        return any(_complains(word, now) for word in self.words.values())


def _complains(word: Word, now: float) -> bool:
    return now - word.heard <= HOLD and (word.counts != word.base or word.out > now)
