"""The retries that one request and everything it leads to may still make: split on the way down, told on the way up."""

import msgspec

GRANT = 16
"""What a request begins with where it enters the mesh. Halved at each hop, it leaves two retries at the fourth."""


class Purse(msgspec.Struct, eq=False):
    """The tokens of one call in hand; the calls made for it draw on it together."""

    granted: int = GRANT
    left: int = GRANT

    @property
    def spent(self) -> int:
        """Tokens that are gone, or with calls that have not come back."""
        return self.granted - self.left

    def lend(self) -> int:
        """Return what an attempt takes along: half, so that something is left for another one and for calls beside."""
        lent = self.left >> 1
        self.left -= lent
        return lent

    def give_back(self, lent: int, spent: int) -> None:
        """Take back what an attempt has not spent; `spent` comes from outside and may be anything."""
        self.left += lent - min(max(spent, 0), lent)

    def spend(self) -> bool:
        """Return whether there was a token for one more attempt; it is gone now."""
        if self.left <= 0:
            return False
        self.left -= 1
        return True
