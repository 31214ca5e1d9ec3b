"""How answers to copies of requests are compared with the answers that callers get: a block of a Resilience rule."""

import msgspec


class MirrorDiff(msgspec.Struct, frozen=True, array_like=True):
    """The answers of a destination are compared with those that mirrors give to the same requests."""

    percent: float = 100.0
    """Share of the copies that is compared."""
    ignore: tuple[str, ...] = ()
    """Places in JSON bodies that may differ, as `routing.json_path` reads them."""
    size: int = 64 * 1024
    """Bytes of a body beyond which it is neither kept nor compared."""
