"""The cookie by which a browser keeps to its instance: read from requests, and made where there is none."""

import math
import random
from collections.abc import Sequence

from ..messages.hashing import ConsistentHash

_BITS = 128


def cookie(headers: Sequence[tuple[str, str]], name: str) -> str:
    """Return the value of the first cookie `name`; empty where there is none."""
    start = name + "="
    for field, value in headers:
        if field == "cookie" and start in value:
            for part in value.split(";"):
                pair = part.strip()
                if pair.startswith(start):
                    return pair[len(start) :].strip('"')
    return ""


def fresh(rng: random.Random) -> str:
    """Return the value of a new cookie: random, and no secret."""
    return f"{rng.getrandbits(_BITS):032x}"


def set_cookie(policy: ConsistentHash, value: str) -> str:
    """Return the `Set-Cookie` field that gives a client this value."""
    parts = [f"{policy.name}={value}"]
    if policy.path:
        parts.append(f"Path={policy.path}")
    if policy.ttl:
        parts.append(f"Max-Age={math.ceil(policy.ttl)}")
    parts.append("HttpOnly")
    parts += [f"{name}={said}" if said else name for name, said in policy.attributes]
    return "; ".join(parts)
