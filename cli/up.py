"""`plait up`: a whole mesh on this machine."""

from typing import Any

import click

from . import option
from .address import check_meant, check_targets, listen
from .bus import LOGIN, nats_sys
from .logging_option import logs

APPS = ("bookinfo", "none")


@click.command(
    epilog="""\b
Examples:
  plait up                                    gateway on 127.0.0.1:8080, Bookinfo behind it
  plait up --http 0 --admin 0 --app none      free ports, no services
  plait up --app shop.orders:Orders --state ./state
  plait up --http 8080=80 --http 8443=443     a Gateway's port 80 is served on 8080
  plait up -f mesh.yaml --reload              what the file describes; what changes is replaced as it runs
  plait up --nats nats://a:4222,nats://b:4222 --nats-creds mesh.creds
  plait up --dns 8600                         dig @127.0.0.1 -p 8600 reviews.service.plait SRV
"""
)
@click.option(
    "--http",
    callback=listen(mapped=True),
    metavar="ADDR[=PORT]",
    multiple=True,
    envvar="PLAIT_HTTP",
    show_envvar=True,
    help="The gateway; =PORT serves a Gateway's port here. May be repeated.  [default: 127.0.0.1:8080]",
)
@click.option(
    "--admin",
    metavar="ADDR",
    callback=listen(),
    envvar="PLAIT_ADMIN",
    show_envvar=True,
    default="127.0.0.1:8081",
    show_default=True,
    help="Health, metrics, console.",
)
@option.trusted_hops
@option.dns
@option.nats
@nats_sys
@click.option(
    "--app",
    multiple=True,
    metavar="bookinfo|none|MODULE:CLASS",
    envvar="PLAIT_APP",
    show_envvar=True,
    default=("bookinfo",),
    help="The services. May be repeated.  [default: bookinfo]",
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(file_okay=False),
    envvar="PLAIT_STATE",
    show_envvar=True,
    help="Keep state here; without it, it ends with the mesh.",
)
@click.option(
    "-f",
    "--file",
    metavar="FILE",
    type=click.Path(),
    envvar="PLAIT_UP_FILE",
    show_envvar=True,
    help="The mesh, described in YAML: services, roles, policies. Flags win over it.",
)
@click.option(
    "--reload",
    is_flag=True,
    envvar="PLAIT_RELOAD",
    show_envvar=True,
    help="Replace services whose files change, and follow changes of FILE.",
)
@click.option(
    "--egress",
    is_flag=True,
    envvar="PLAIT_EGRESS",
    show_envvar=True,
    help="Run an egress node: it carries calls to the hosts of ServiceEntries.",
)
@option.advertise
@option.locality
@logs
@option.telemetry
@option.mesh
def command(file: str | None, reload: bool, nats: "option.Where", **flags: Any) -> None:
    """Run a whole mesh on this machine: bus, control plane, gateway, and one process per service.

    It prints the addresses, then `ready`. Ctrl-C drains and stops it. Without --nats it starts a bus of its own.
    """
    app = flags["app"]
    check_targets(app, APPS)
    if "none" in app and len(app) > 1:
        raise click.UsageError("--app none stands alone")
    from pathlib import Path

    from ..mesh.first_policy import PolicyRefused
    from ..mesh.reload import Reread
    from ..mesh.up import run
    from .mesh_file import Settings

    flags |= {"nats": nats.url, "login": nats.login}
    settings = Settings(flags, Path(file).absolute() if file else None)
    options = settings.read()
    check_meant(bool(options.nats), "needs --nats beside it", *(f"nats_{one}" for one in (*LOGIN, "insecure", "sys")))
    check_meant(options.dns is not None, "needs --dns beside it", "dns_forward", "dns_ttl")
    try:
        if reload:
            run(options, Reread(settings.options, settings.file))
        else:
            run(options)
    except KeyboardInterrupt:  # before the mesh takes the signal itself, or after it has given it back
        return
    except PolicyRefused as error:
        raise settings.refused(error) from None
