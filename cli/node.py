"""`plait node`: one actor node."""

from typing import TYPE_CHECKING, Any

import click

from . import option
from .address import check_meant, check_targets, listen, pairs
from .bus import nats_sys
from .health_check import health_checks
from .logging_option import logs
from .weight import Weight

if TYPE_CHECKING:
    from ..actors.service.check import Outside
    from ..mesh.options import Listen


@click.command(
    epilog="""\b
Examples:
  plait node registry policy --nats nats://10.0.0.5:4222
  plait node gateway --http 0.0.0.0:8080
  plait node egress                           carries calls to the hosts of ServiceEntries
  plait node dns --dns 10.0.0.5:8600 --dns-forward 10.0.0.1:53
  plait node shop.orders:Orders --label track=canary --locality eu/a
  plait node shop.orders:Orders --check /health --check tcp://127.0.0.1:5432
"""
)
@click.argument("targets", metavar="TARGET…", nargs=-1, required=True)
@option.nats
@nats_sys
@click.option("--name", metavar="NAME", help="The node's name; one is made up.")
@click.option("--label", "labels", metavar="K=V", multiple=True, help="A label of its instances. May be repeated.")
@option.locality
@click.option(
    "--weight",
    type=Weight(),
    default=1.0,
    help="Of each of its instances: their share of the calls is in proportion to it.  [default: 1]",
)
@click.option(
    "--replicas", type=click.IntRange(1, 1000), default=1, show_default=True, help="Instances of each service."
)
@click.option(
    "--check",
    metavar="CHECK",
    multiple=True,
    callback=health_checks,
    help="A health check of its services: /PATH, URL, tcp://HOST:PORT, '{exec: [PROGRAM, ARG], interval: 5}' or @FILE.",
)
@click.option(
    "--http",
    callback=listen(mapped=True),
    metavar="ADDR[=PORT]",
    multiple=True,
    envvar="PLAIT_HTTP",
    show_envvar=True,
    help="Where a gateway listens.",
)
@click.option(
    "--admin", metavar="ADDR", callback=listen(), envvar="PLAIT_ADMIN", show_envvar=True, help="Health and metrics."
)
@option.trusted_hops
@option.dns
@option.advertise
@logs
@option.telemetry
@option.mesh
def command(
    targets: tuple[str, ...],
    nats: "option.Where",
    nats_sys: str,
    name: str | None,
    labels: tuple[str, ...],
    replicas: int,
    check: "tuple[Outside, ...]",
    http: tuple["Listen", ...],
    admin: "Listen | None",
    mesh: str,
    **more: Any,
) -> None:
    """Run one node; each TARGET is registry, policy, traces, gateway, egress, dns, or a service as module:Class.

    It prints `ready` when it is registered, healthy and routable. Ctrl-C drains and stops it.
    """
    from ..mesh.target import ROLES

    check_targets(targets, ROLES)
    own = ("trusted_hops", "access_log", "access_log_format")
    check_meant("gateway" in targets, "needs the target gateway beside it", *own)
    check_meant(any(":" in one for one in targets), "needs a service as a target", "check")
    check_meant("dns" in targets, "needs the target dns beside it", "dns", "dns_forward", "dns_ttl")
    from ..actors.messages.name import label
    from ..mesh import run
    from ..mesh.address import find, system_url
    from ..mesh.options import NodeOptions

    target = find(nats, mesh)
    options = NodeOptions(
        targets=targets,
        nats=target.url,
        login=target.login,
        mesh=mesh,
        nats_sys=nats_sys or system_url(target),
        name=label(name, "node") if name else "",
        labels=pairs(labels),
        replicas=replicas,
        checks=check,
        http=http,
        admin=admin,
        **more,
    )
    try:
        run.run_node(options)
    except KeyboardInterrupt:  # before the node takes the signal itself, or after it has given it back
        return
