"""Logins to the bus as the environment names them: for the command line, for scripts, for processes that are started.

Secrets travel by environment alone: a command line, and a run file's reader, would show them.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..actors.bus.login import Login
from ..actors.messages.error import BusDenied

VARIABLES = {
    "user": "PLAIT_NATS_USER",
    "password": "PLAIT_NATS_PASSWORD",
    "token": "PLAIT_NATS_TOKEN",
    "nkey": "PLAIT_NATS_NKEY",
    "creds": "PLAIT_NATS_CREDS",
    "ca": "PLAIT_NATS_CA",
    "cert": "PLAIT_NATS_CERT",
    "key": "PLAIT_NATS_KEY",
    "insecure": "PLAIT_NATS_INSECURE",
}
"""The environment variable of each part of a login."""

FILES = ("nkey", "creds", "ca", "cert", "key")
_YES = ("1", "true", "t", "yes", "y", "on")


def made(values: Mapping[str, object]) -> Login:
    """Return the login of these parts; files by their whole path, so that they are found from any folder.

    Raises:
        BusDenied: they do not go together.
    """
    parts = {name: value for name, value in values.items() if value}
    for name in FILES:
        if name in parts:
            parts[name] = str(Path(str(parts[name])).absolute())
    login = msgspec.convert(parts, Login)
    if problem := login.problem():
        raise BusDenied(f"no login to the bus: {problem}")
    return login


def read(environ: Mapping[str, str]) -> Login:
    """Return the login that an environment names.

    Raises:
        BusDenied: its parts do not go together.
    """
    values: dict[str, object] = {name: environ.get(variable, "") for name, variable in VARIABLES.items()}
    values["insecure"] = environ.get(VARIABLES["insecure"], "").lower() in _YES
    return made(values)


def environment(environ: Mapping[str, str], url: str, login: Login) -> dict[str, str]:
    """Return `environ` for a process that is to go to the bus at `url` with `login` and no other."""
    inherited = {name: value for name, value in environ.items() if name not in VARIABLES.values()}
    parts = {VARIABLES[name]: str(value) for name, value in msgspec.structs.asdict(login).items() if value}
    return {**inherited, **parts, "PLAIT_NATS_URL": url}


def system_environment(url: str, login: Login) -> dict[str, str]:
    """Return what tells a process to go to the bus at `url` as the system account, with `login`."""
    parts = {"PLAIT_NATS_SYS_CREDS": login.creds, "PLAIT_NATS_SYS_NKEY": login.nkey}
    return {"PLAIT_NATS_SYS": url, **{name: value for name, value in parts.items() if value}}


def for_system(login: Login, creds: str, nkey: str) -> Login:
    """Return the login of the system account: as certain of the server as `login` is, and nobody where it names none.

    Raises:
        BusDenied: the parts do not go together.
    """
    tls = {name: getattr(login, name) for name in ("ca", "cert", "key", "insecure")}
    return made({**tls, "creds": creds, "nkey": nkey})
