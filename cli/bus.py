"""The options that say where the bus is and how to log in there; secrets come from files and the environment alone."""

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..actors.bus.login import Login
    from ..mesh.address import Where

Command = TypeVar("Command", bound=Callable[..., Any])

LOGIN: dict[str, tuple[str, str]] = {
    "user": ("NAME", "Log in as; the password is PLAIT_NATS_PASSWORD's. A token is PLAIT_NATS_TOKEN's."),
    "nkey": ("FILE", "Log in by the nkey seed in it."),
    "creds": ("FILE", "Log in by the JWT and the nkey seed in it."),
    "ca": ("FILE", "Who vouches for the bus's certificate (PEM); without it, the system's authorities."),
    "cert": ("FILE", "Our own certificate (PEM)."),
    "key": ("FILE", "Its key (PEM), where that is another file."),
}
"""Parts of a login that are flags `--nats-…`: what stands behind the flag, and what it is good for."""


def nats(command: Command) -> Command:
    """Add `--nats` and the login; the command gets both as one `mesh.address.Where`."""

    @functools.wraps(command)
    def run(*args: Any, nats: str | None, **more: Any) -> Any:
        values = {name: more.pop(f"nats_{name}") for name in (*LOGIN, "insecure")}
        return command(*args, nats=_where(nats, values), **more)

    made: Any = click.option(
        "--nats-insecure",
        is_flag=True,
        envvar="PLAIT_NATS_INSECURE",
        show_envvar=True,
        help="Take any certificate for the bus's: whoever answers may be anybody.",
    )(run)
    for name, (metavar, meaning) in reversed(LOGIN.items()):
        made = _option(f"--nats-{name}", metavar, f"PLAIT_NATS_{name.upper()}", meaning)(made)
    whole: Command = _option(
        "--nats", "URL[,URL]", "PLAIT_NATS_URL", "The bus: its server, or several of its cluster."
    )(made)
    return whole


def nats_sys(command: Command) -> Command:
    """Add `--nats-sys` and its login: the bus as its system account sees it. The command gets URL and login."""

    @functools.wraps(command)
    def run(*args: Any, **more: Any) -> Any:
        creds, nkey = more.pop("nats_sys_creds"), more.pop("nats_sys_nkey")
        url, login = _system(more["nats"], more.pop("nats_sys"), creds, nkey)
        return command(*args, nats_sys=url, system_login=login, **more)

    made: Any = run
    for name, what in (("nkey", "nkey seed"), ("creds", "JWT and nkey seed")):
        made = _option(f"--nats-sys-{name}", "FILE", f"PLAIT_NATS_SYS_{name.upper()}", f"That user's {what}.")(made)
    whole: Command = _option(
        "--nats-sys",
        "URL[,URL]",
        "PLAIT_NATS_SYS",
        "The bus as a user who sees connections end; without one, deaths are seen by heartbeats alone.",
    )(made)
    return whole


def _option(flag: str, metavar: str, variable: str, meaning: str) -> Callable[[Any], Any]:
    return click.option(flag, metavar=metavar, envvar=variable, show_envvar=True, help=meaning)


def _where(url: str | None, values: dict[str, Any]) -> "Where":
    from ..mesh.address import Where
    from ..mesh.login import VARIABLES, made

    secrets = {name: os.environ.get(VARIABLES[name], "") for name in ("password", "token")}
    return Where(url, _checked(lambda: made({**values, **secrets})))


def _system(where: "Where", url: str | None, creds: str | None, nkey: str | None) -> "tuple[str, Login]":
    from ..actors.bus.address import addresses, shown
    from ..mesh.login import for_system

    login = _checked(lambda: for_system(where.login, creds or "", nkey or ""))
    if not url and where.url and (creds or nkey):
        return shown(addresses(where.url)), login
    return url or "", login


def _checked(login: "Callable[[], Login]") -> "Login":
    from ..actors.messages.error import BusDenied

    try:
        return login()
    except BusDenied as error:
        raise click.UsageError(str(error)) from None
