"""`plait ls`: the nodes, services, instances, actors, policies and compared mirrors of a mesh."""

from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, write

THINGS = ("nodes", "services", "instances", "actors", "policies", "mirrors")


@click.command(
    epilog="""\b
Examples:
  plait ls instances
  plait ls instances reviews                       as those who call it see them
  plait ls services -o wide
  plait ls instances --watch
  plait ls nodes --watch -o jsonl
  plait ls mirrors -o wide                         what a Resilience with mirrorDiff has compared
"""
)
@click.argument("what", type=click.Choice(THINGS))
@click.argument("service", required=False, default="")
@option.output
@option.watch
@option.timeout(5.0)
@option.connection
def command(
    what: str, service: str, output: str, watch: bool, interval: float, timeout: float, nats: "option.Where", mesh: str
) -> None:
    """List what is in the mesh.

    With a SERVICE, its instances as the nodes that call it see them: weight, score, calls in flight, latency, share.
    """
    if service and what != "instances":
        raise CommandError(Exit.USAGE, f"only instances are listed by service: `plait ls instances {service}`")

    def read() -> Listing:
        return _used(service, timeout, nats, mesh) if service else listing(what, timeout, nats, mesh)

    if watch:
        from .watch import follow

        follow(read, output, interval)
    else:
        write(read(), output)


def listing(what: str, timeout: float, nats: "option.Where", mesh: str) -> Listing:
    """Read the list of one of `THINGS`.

    Raises:
        CommandError: who should answer does not.
    """
    if what == "policies":
        from .get import listing as policies

        return policies("", "", timeout=timeout, nats=nats, mesh=mesh)
    if what == "mirrors":
        from .mirrors import listing as mirrors

        return mirrors(timeout, nats, mesh)
    if what == "actors":
        from .tree import COLUMNS, actor_name, actors, fetch

        rows = [one for tree in fetch("", timeout, nats, mesh) for one in actors(tree)]
        return Listing("ActorList", COLUMNS, rows, actor_name, "no actor runs")
    from ..mesh.address import find
    from .connection import ask, check

    answer = check(ask(find(nats, mesh), "registry.resolve", {"service": ""}, limit=timeout))
    return {"nodes": _nodes, "services": _services, "instances": _instances}[what](instances(answer))


def _used(service: str, timeout: float, nats: "option.Where", mesh: str) -> Listing:
    """Read how those who call a service use its instances.

    Raises:
        CommandError: there is no such service, or no registry answers.
    """
    from ..mesh.address import find
    from .connection import Visit, check, visit
    from .portrait import near
    from .usage import ask_nodes
    from .usage import listing as used

    async def errand(there: Visit) -> Listing:
        alive = instances(check(await there.ask("registry.resolve", {"service": ""})))
        members = [one for one in alive if one.get("service") == service]
        if not members:
            hint = near(service, [str(one.get("service")) for one in alive])
            raise CommandError(Exit.NOT_FOUND, f"the mesh has no service {service!r}", hint=hint)
        seen, silent = await ask_nodes(there, [str(one.get("node")) for one in alive], "usage", service)
        if silent:
            click.echo(f"no word of {', '.join(silent)}: what they call is not in it", err=True)
        return used(members, seen, service)

    return visit(find(nats, mesh), errand, limit=timeout)


def instances(answer: dict[str, Any]) -> list[Item]:
    """Return the instances of the registry's answer, sorted by service, version and id."""
    found = answer.get("instances")
    rows = [cast("Item", one) for one in cast("list[object]", found) if isinstance(one, dict)] if found else []
    return sorted(rows, key=lambda one: tuple(str(one.get(key, "")) for key in ("service", "version", "id")))


def _instances(found: list[Item]) -> Listing:
    columns = (
        Column("INSTANCE", "id"),
        Column("SERVICE", "service"),
        Column("VERSION", "version"),
        Column("NODE", "node"),
        Column("HEALTH", "health"),
        Column("REASON", "reason", wide=True),
        Column("WEIGHT", _weight, right=True, wide=True),
        Column("LOCALITY", "locality", wide=True),
        Column("LABELS", "labels", wide=True),
    )
    return Listing("InstanceList", columns, found, _instance_name, "no instance is registered")


def _services(found: list[Item]) -> Listing:
    from ..actors.messages.health import ROUTABLE

    items: list[Item] = []
    for service, members in _by(found, "service").items():
        healthy = sum(1 for one in members if one.get("health") in ROUTABLE)
        items.append(
            {
                "name": service,
                "versions": _distinct(members, "version"),
                "instances": len(members),
                "healthy": healthy,
                "nodes": _distinct(members, "node"),
            }
        )
    columns = (
        Column("SERVICE", "name"),
        Column("VERSIONS", "versions"),
        Column("INSTANCES", "instances", right=True),
        Column("HEALTHY", "healthy", right=True),
        Column("NODES", "nodes", wide=True),
    )
    return Listing("ServiceList", columns, items, _service_name, "no service is registered")


def _nodes(found: list[Item]) -> Listing:
    items: list[Item] = [
        {
            "name": node,
            "state": "stale" if any(one.get("stale") for one in members) else "up",
            "instances": len(members),
            "services": _distinct(members, "service"),
            "localities": _distinct(members, "locality"),
        }
        for node, members in _by(found, "node").items()
    ]
    columns = (
        Column("NODE", "name"),
        Column("STATE", "state"),
        Column("INSTANCES", "instances", right=True),
        Column("SERVICES", "services"),
        Column("LOCALITY", "localities", wide=True),
    )
    return Listing("NodeList", columns, items, _node_name, "no node with instances is registered")


def _by(found: list[Item], key: str) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for one in found:
        groups.setdefault(str(one.get(key, "")), []).append(one)
    return dict(sorted(groups.items()))


def _distinct(members: list[Item], key: str) -> list[str]:
    return sorted({str(one.get(key) or "") for one in members} - {""})


def _weight(item: Item) -> str:
    return f"{float(item.get('weight', 1.0)):g}"


def _instance_name(item: Item) -> str:
    return f"instance/{item.get('id')}"


def _service_name(item: Item) -> str:
    return f"service/{item['name']}"


def _node_name(item: Item) -> str:
    return f"node/{item['name']}"
