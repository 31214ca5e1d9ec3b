"""What `plait node` is told to run: roles of the mesh, and services, actors or specs of them as `module:Name`."""

import importlib
import re
import sys
import traceback
from pathlib import Path

from ..actors.messages.error import StartFailed
from ..actors.runtime.actor import Actor
from ..actors.runtime.spec import ChildSpec, Spec, SupervisorSpec
from ..actors.service.service import Service

ROLES = ("registry", "policy", "traces", "gateway", "egress", "dns")

_FRAMES = 3
"""Frames of a traceback that are shown: the last ones say it."""


def load(target: str) -> type[Service] | Spec:
    """Return the service class that `module:Name` names, or the spec of the actors; the current folder is searched too.

    A class of actors is run under its name in lower case: `ShopCart` as `shop-cart`.

    Raises:
        StartFailed: there is no such module or name, or it is nothing that runs.
    """
    module_name, colon, class_name = target.partition(":")
    if not colon or not module_name or not class_name:
        raise StartFailed(
            f"{target!r} is no target: it is one of {', '.join(ROLES)}, or module:Class of a service or an actor"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise StartFailed(f"no module {module_name!r} for target {target!r} (searched from {here})") from None
        raise StartFailed(f"module {module_name!r} needs {error.name!r}, which is not installed") from error
    except Exception as error:
        told = f"module {module_name!r} could not be imported: {type(error).__name__}: {error}"
        raise StartFailed(told + _excerpt(error)) from error
    kind: object = getattr(module, class_name, None)
    if isinstance(kind, ChildSpec | SupervisorSpec):
        return kind
    if isinstance(kind, type) and issubclass(kind, Actor) and not issubclass(kind, Service):
        return ChildSpec(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", class_name).lower(), kind)
    if not isinstance(kind, type) or not issubclass(kind, Service):
        raise StartFailed(
            f"{target!r} is no service: {class_name} is not a subclass of plait.actors.Service, nor is it a class of "
            "actors, a ChildSpec or a SupervisorSpec"
        )
    if not kind.name:
        raise StartFailed(f'{target!r} has no name: write `class {class_name}(Service, name="…")`')
    return kind


def _excerpt(error: Exception) -> str:
    """Return where in the user's code it was raised: the last frames, or the line that is no Python."""
    if isinstance(error, SyntaxError):
        return "\n" + "".join(traceback.format_exception_only(error)[:-1]).rstrip()
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen ") and frame.filename not in (__file__, importlib.__file__)
    ]
    return ("\n" + "".join(traceback.format_list(frames[-_FRAMES:])).rstrip()) if frames else ""
