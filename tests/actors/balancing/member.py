"""Members for tests of balancers, and what tells whether they were picked as often as they should be."""

from collections import Counter

from plait.actors.balancing.peak_ewma import UNMEASURED

CHI = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 9: 27.88, 19: 43.82}
"""The 99.9 % points of chi-square, by degrees of freedom."""


class Member:
    """Somebody to be picked."""

    def __init__(self, name, weight=1.0):
        self.id = name
        self.weight = weight
        self.warmth = 1.0
        self.active = 0
        self.latency = UNMEASURED
        self.measured = 0.0
        self.load = None
        self.loaded_at = 0.0

    def __repr__(self):
        return f"<{self.id} {self.active}>"


class Clock:
    """Time that a test moves on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def some(*weights):
    return tuple(Member(f"m-{number}", weight) for number, weight in enumerate(weights))


def weights_of(members):
    return [one.weight for one in members]


def counted(picker, members, count):
    """How often each was picked, in the members' order."""
    found = Counter(picker.pick(members) for _ in range(count))
    return [found[one] for one in members]


def chi_square(counts, shares):
    """How far counts are from what shares of a whole make them; members without a share must have no count."""
    whole, given = sum(counts), sum(shares)
    assert all(share or not count for count, share in zip(counts, shares, strict=True))
    expected = [whole * share / given for share in shares]
    return sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True) if want)
