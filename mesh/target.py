"""What `plait node` is told to run: roles of the mesh, and services as `module:Class`."""

import importlib
import sys
from pathlib import Path

from ..actors.messages.error import StartFailed
from ..actors.service.service import Service

ROLES = ("registry", "policy", "traces", "gateway")


def load(target: str) -> type[Service]:
    """Return the service class that `module:Class` names; the current folder is searched too.

    Raises:
        StartFailed: there is no such module or class, or it is no service.
    """
    module_name, colon, class_name = target.partition(":")
    if not colon or not module_name or not class_name:
        raise StartFailed(f"{target!r} is no target: it is one of {', '.join(ROLES)}, or module:Class of a service")
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
        raise StartFailed(f"module {module_name!r} could not be imported: {type(error).__name__}: {error}") from error
    kind: object = getattr(module, class_name, None)
    if not isinstance(kind, type) or not issubclass(kind, Service):
        raise StartFailed(f"{target!r} is no service: {class_name} is not a subclass of plait.actors.Service")
    if not kind.name:
        raise StartFailed(f'{target!r} has no name: write `class {class_name}(Service, name="…")`')
    return kind
