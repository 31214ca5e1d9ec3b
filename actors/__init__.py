"""Actors: what they say, how they live, how they call each other; the names that services are written with."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .messages.actor import Message
    from .messages.error import BadStatus, DeadlineExceeded, MeshError
    from .runtime.actor import Actor
    from .runtime.ref import Ref
    from .runtime.spec import AutoShutdown, ChildSpec, Limits, Overflow, Restart, Strategy, SupervisorSpec
    from .runtime.watch import Terminated
    from .service.check import ExecCheck, HttpCheck, TcpCheck, check
    from .service.event import on
    from .service.health import Health
    from .service.request import Request
    from .service.response import Reply, Response
    from .service.route import delete, get, patch, post, put, route
    from .service.service import Service

_HOMES = {
    "messages.error": ("BadStatus", "DeadlineExceeded", "MeshError"),
    "messages.actor": ("Message",),
    "runtime.actor": ("Actor",),
    "runtime.ref": ("Ref",),
    "runtime.spec": ("AutoShutdown", "ChildSpec", "Limits", "Overflow", "Restart", "Strategy", "SupervisorSpec"),
    "runtime.watch": ("Terminated",),
    "service.check": ("ExecCheck", "HttpCheck", "TcpCheck", "check"),
    "service.event": ("on",),
    "service.health": ("Health",),
    "service.request": ("Request",),
    "service.response": ("Reply", "Response"),
    "service.route": ("delete", "get", "patch", "post", "put", "route"),
    "service.service": ("Service",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - as they are read: what to write, what it is given, what can go wrong
    "Service", "get", "post", "put", "patch", "delete", "route", "on", "Request", "Response", "Reply", "MeshError",
    "BadStatus", "DeadlineExceeded", "check", "Health", "HttpCheck", "TcpCheck", "ExecCheck", "Actor", "Message", "Ref",
    "Terminated", "ChildSpec", "SupervisorSpec", "Restart", "Strategy", "Limits", "Overflow", "AutoShutdown",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: importing one room of the house must not load them all."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
