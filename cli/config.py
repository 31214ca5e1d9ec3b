"""`plait config`: what one live node decides by, and which document each value comes from."""

import json
from typing import Any, cast

import click

from . import option
from .exit import CommandError, Exit
from .output import Column, Item, Listing, write


@click.command(
    epilog="""\b
Examples:
  plait config routes gateway-1                    -o wide tells where each value comes from
  plait config endpoints gateway-1 -o json
"""
)
@click.argument("what", type=click.Choice(["routes", "endpoints"]))
@click.argument("node")
@option.output
@option.timeout(5.0)
@option.connection
def command(what: str, node: str, output: str, timeout: float, nats: "option.Where", mesh: str) -> None:
    """Ask NODE itself for the routes or endpoints that it decides by now.

    Every value has the document that it comes from; `default` where no document sets it.
    """
    from ..mesh.address import find
    from .connection import Visit, check, items, visit
    from .ls import instances

    async def errand(there: Visit) -> tuple[int, list[Item]]:
        known = instances(check(await there.ask("registry.resolve", {"service": ""})))
        if node not in {one.get("node") for one in known}:
            raise CommandError(Exit.NOT_FOUND, f"the mesh has no node {node!r}; `plait ls nodes` shows those it has")
        found: list[Item] = []
        question: dict[str, Any] = {"what": what}
        while True:
            answer = check(await there.ask(f"config.{node}", question))
            found += items(answer)
            if not isinstance(answer.get("next"), int):
                return int(answer.get("revision", 0)), found
            question["offset"] = answer["next"]

    revision, found = visit(find(nats, mesh), errand, limit=timeout)
    if what == "routes":
        write(Listing("RouteList", _ROUTES, found, _route_name, "the mesh has no routes and no services"), output)
    else:
        write(Listing("EndpointList", _ENDPOINTS, found, _endpoint_name, "the mesh has no services"), output)
    if output in ("table", "wide"):
        click.echo(f"{node} decides by policy revision {revision}", err=True)


def _route_name(item: Item) -> str:
    return f"{item['document']}{item['path']}" if item.get("document") else f"service/{item['hosts'][0]}"


def _endpoint_name(item: Item) -> str:
    return f"instance/{item['instance']}"


def _from(item: Item) -> str:
    return f"{item['document']} {item['path']}" if item.get("document") else "default"


def _matches(item: Item) -> str:
    return " or ".join(_match(one) for one in _objects(item.get("matches"))) or "everything"


def _match(conditions: Item) -> str:
    """`uri prefix /reviews, headers [["end-user", …]]`."""
    told: list[str] = []
    for field, value in conditions.items():
        if isinstance(value, dict) and "kind" in value:
            text = cast("Item", value)
            told.append(f"{field} {text['kind']} {text.get('value', '')}".rstrip())
        else:
            told.append(f"{field} {json.dumps(value, ensure_ascii=False)}")
    return ", ".join(told)


def _values(item: Item) -> str:
    told = (f"{one['field']}={json.dumps(one['value'])} ({one['from']})" for one in _objects(item.get("values")))
    return "; ".join(told)


def _uses(item: Item) -> str:
    told = (
        f"{one['subset'] or 'all'}: {', '.join(f'{name}={value}' for name, value in one['policy'].items())}"
        f" ({one['from']})"
        for one in _objects(item.get("uses"))
    )
    return "; ".join(told)


def _objects(found: object) -> list[Item]:
    if not isinstance(found, list):
        return []
    return [cast("Item", one) for one in cast("list[object]", found) if isinstance(one, dict)]


_ROUTES = (
    Column("HOSTS", "hosts"),
    Column("AT", "gateways"),
    Column("MATCH", _matches),
    Column("TO", "to"),
    Column("FROM", _from),
    Column("VALUES", _values, wide=True),
)
_ENDPOINTS = (
    Column("SERVICE", "service"),
    Column("INSTANCE", "instance"),
    Column("NODE", "node"),
    Column("VERSION", "version"),
    Column("HEALTH", "health"),
    Column("ACTIVE", "active", right=True),
    Column("BREAKER", "breaker"),
    Column("USED AS", _uses),
)
