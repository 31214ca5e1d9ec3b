"""`plait describe`: all that is known of one service, instance, node, actor or document of policy."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .kind import kind_of
from .output import Column, Item, Listing, clean, table_lines, write

KINDS = (
    "service",
    "instance",
    "node",
    "actor",
    "virtualservice",
    "destinationrule",
    "gateway",
    "resilience",
    "ratelimit",
    "fault",
    "serviceentry",
)
TRACES = 20
"""The last traces of a service, in which its callers are looked for."""


@click.command(
    epilog="""\b
Examples:
  plait describe service/reviews
  plait describe instance/reviews-v2-06fb2c
  plait describe node/node-1
  plait describe virtualservice/reviews -o yaml
  plait describe actor/node-1/proxy
"""
)
@click.argument("what", metavar="KIND/NAME")
@option.output
@option.timeout(5.0)
@option.connection
def command(what: str, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Show all that is known of one thing: service/NAME, instance/ID, node/NAME, actor/NODE/PATH, KIND/NAME."""
    kind, _, name = what.partition("/")
    if not kind or not name:
        raise CommandError(Exit.USAGE, f"{what!r} is nothing to describe: write KIND/NAME, as {', '.join(KINDS)}")
    kind = {"services": "service", "svc": "service", "instances": "instance", "nodes": "node"}.get(kind.lower(), kind)
    title = "actor" if kind.lower() == "actor" else kind_of(kind)
    found = _actor(name, timeout, nats, mesh) if title == "actor" else _look(title, name, timeout, nats, mesh)
    if output not in ("table", "wide"):
        write(Listing(f"{title[:1].upper()}{title[1:]}List", (), [found], partial(_name, title)), output)
    else:
        click.echo("\n".join(lines(found)))


def _name(kind: str, item: Item) -> str:
    return f"{kind}/{item.get('address') if kind == 'actor' else item.get('name') or item.get('id')}"


def _look(kind: str, name: str, timeout: float, nats: "option.Where", mesh: str) -> Item:
    from ..actors.policy.kind import KINDS as POLICIES
    from ..mesh.address import find
    from . import portrait
    from .connection import Visit, check, visit
    from .get import listing
    from .ls import instances

    is_policy = kind in POLICIES
    if kind not in ("service", "instance", "node") and not is_policy:
        hint = portrait.near(kind.lower(), KINDS)
        raise CommandError(Exit.USAGE, f"{kind!r} is no kind of thing", hint=hint)

    picking: Item = {}

    async def errand(there: Visit) -> tuple[list[Item], list[Item], list[Item] | None]:
        alive = instances(check(await there.ask("registry.resolve", {"service": ""})))
        statuses: list[Item] = []
        called: list[Item] | None = None
        if kind == "node":
            statuses = cast("list[Item]", check(await there.ask("policy.status", {})).get("items") or [])
        if kind == "service" and any(one.get("service") == name for one in alive):
            called = await _callers(there, name)
            picking.update(await _picking(there, name, [str(one.get("node")) for one in alive]))
        return alive, statuses, called

    alive, statuses, called = visit(find(nats, mesh), errand, limit=timeout)

    def known(names: list[str], which: Callable[[], Item]) -> Item:
        if name not in names:
            raise CommandError(Exit.NOT_FOUND, f"the mesh has no {kind} {name!r}", hint=portrait.near(name, names))
        return which()

    def documents(of: str) -> list[Item]:
        return list(listing(of, "", timeout=timeout, nats=nats, mesh=mesh).items)

    if kind == "service":
        names = [str(one.get("service")) for one in alive]
        return known(names, lambda: {**portrait.service(name, alive, documents(""), called), **picking})
    if kind == "instance":
        by_id = {str(one.get("id")): one for one in alive}
        return known(list(by_id), lambda: by_id[name])
    if kind == "node":
        return known([str(one.get("node")) for one in alive], lambda: portrait.node(name, alive, statuses))
    of = {portrait.document_name(one): one for one in documents(kind)}
    return known(list(of), lambda: portrait.policy(of[name], alive))


async def _callers(there: Any, name: str) -> list[Item] | None:
    """Return who calls a service, as its last traces show; None where there is no trace store."""
    from . import portrait
    from .connection import items

    try:
        traces = items(await there.ask("trace.ls", {"service": name, "limit": TRACES}))
        whole = [await there.ask("trace.show", {"id": one.get("trace_id")}) for one in traces]
    except CommandError:
        return None
    return portrait.callers(name, (cast("list[Item]", one.get("spans") or []) for one in whole))


async def _picking(there: Any, name: str, nodes: list[str]) -> Item:
    """Return which ways of picking an instance are in force, and what a pick would weigh just now at each caller."""
    from .usage import ask_nodes, picks

    seen, _ = await ask_nodes(there, nodes, "usage", name)
    ways: list[Item] = []
    for node in seen:
        said, _ = await ask_nodes(there, [node], "balancing", name)  # any node's: all decide by the same policy
        if node in said:
            ways = said[node]
            break
    return {"balancing": ways, "picks": picks(seen)}


def _actor(address: str, timeout: float, nats: "option.Where", mesh: str) -> Item:
    from .tree import actors, fetch

    node, _, path = address.partition("/")
    if not path:
        raise CommandError(Exit.USAGE, f"'actor/{address}' names no actor: write actor/NODE/PATH")
    (tree,) = fetch(node, timeout, nats, mesh)
    found = [one for one in actors(tree) if one["address"] == address]
    if not found:
        raise CommandError(Exit.NOT_FOUND, f"{node} has no actor {path}; `plait tree {node}` shows those it has")
    (one,) = found
    return one


_TABLES = {
    "instances": ("id", "service", "version", "node", "locality", "health", "reason", "labels"),
    "virtualServices": ("name", "namespace", "revision", "hosts", "binds", "subsets"),
    "destinationRules": ("name", "namespace", "revision"),
    "treatment": ("kind", "name", "namespace", "revision", "subset", "says", "until"),
    "subsets": ("name", "labels", "instances"),
    "destinations": ("host", "subset"),
    "callers": ("service", "calls"),
    "balancing": ("subset", "for", "algorithm", "from"),
    "picks": ("caller", "subset", "instance", "by", "value", "out"),
}
"""Fields that are shown as tables, with their columns."""


def lines(found: Item) -> list[str]:
    """Return what is known of one thing as text: `name  value`, then tables, then what happened."""
    flat = {
        name: value for name, value in found.items() if not _is_table(name, value) and name not in ("events", "spec")
    }
    width = max(len(name) for name in flat)
    told = [f"{name:<{width}}  {_shown(value)}" for name, value in flat.items() if value not in ("", None, [], {})]
    told += [
        f"{'event':<{width}}  {float(event['ago']):.1f} s ago: {clean(str(event['what']))}"
        for event in cast("list[Item]", found.get("events") or [])
    ]
    for name, value in found.items():
        if name == "callers" and value is None:
            told += ["", "callers: unknown, there is no trace store"]
        elif _is_table(name, value):
            told += ["", f"{name}:" if value else f"{name}: none", *_table(name, value)]
    return told


def _is_table(name: str, value: object) -> bool:
    return name in _TABLES and (isinstance(value, list) or value is None)


def _table(name: str, items: list[Item]) -> list[str]:
    used = [key for key in _TABLES[name] if any(one.get(key) not in ("", None, [], {}) for one in items)]
    columns = [Column(key.upper(), key) for key in used]
    told = table_lines(Listing("", columns, items, str), wide=True)
    if name == "destinationRules":
        for place, one in reversed(list(enumerate(items, 1))):
            told[place + 1 : place + 1] = [f"  {line}" for line in _table("subsets", one.get("subsets") or [])]
    return [f"  {line}" for line in told]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return clean(", ".join(f"{key}={one}" for key, one in cast("dict[str, object]", value).items() if one != ""))
    if isinstance(value, list):
        return clean(", ".join(str(one) for one in cast("list[object]", value)))
    return clean(str(value))
