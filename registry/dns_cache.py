"""Packed answers between two changes of the registry, each kept in a few orders of its records and drawn at random."""

import random

_ORDERS = 8
_RENEWAL = 32  # one in so many answers is made anew: else a client that takes the first would see 8 instances alone
_DRAWS = _ORDERS * _RENEWAL
_OVERHEAD = 200  # bytes that Python needs beside the bytes of an answer, about


class Kept:
    """Bounded: when it is full it begins anew, which costs as much as a change of the registry."""

    def __init__(self, rng: random.Random, room: int = 8 * 1024 * 1024) -> None:
        """Keep at most `room` bytes."""
        self._random = rng.random
        self._room = room
        self._orders: dict[bytes, list[bytes]] = {}
        self._size = 0

    def clear(self) -> None:
        """Forget all."""
        self._orders.clear()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that are kept, about."""
        return self._size

    def draw(self, key: bytes) -> bytes | None:
        """Return one of the answers to a question; None where one is to be made, and to be put here."""
        orders = self._orders.get(key)
        if orders is None:
            return None
        draw = int(self._random() * _DRAWS)
        slot = draw % _ORDERS
        return orders[slot] if draw >= _ORDERS and slot < len(orders) else None

    def put(self, key: bytes, answer: bytes) -> None:
        """Keep an answer, in the place of another where there are enough."""
        if self._size > self._room:
            self.clear()
        orders = self._orders.get(key)
        if orders is None:
            orders = self._orders[key] = []
            self._size += len(key) + _OVERHEAD
        if len(orders) < _ORDERS:
            orders.append(answer)
            self._size += len(answer) + _OVERHEAD
        else:
            slot = int(self._random() * _ORDERS)
            self._size += len(answer) - len(orders[slot])
            orders[slot] = answer
