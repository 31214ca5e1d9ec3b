"""plait: a service mesh made of actors on a NATS bus."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .mesh.client import connect as connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    """Import what callers from outside need when it is first used; services are written with `plait.actors`."""
    if name == "connect":
        from .mesh.client import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
