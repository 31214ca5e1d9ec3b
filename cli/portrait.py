"""What is known of one service, node or document of policy: put together from the answers of the mesh, purely."""

from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, cast

from ..actors.messages.error import InvalidName
from ..actors.messages.health import ROUTABLE
from ..actors.messages.name import called_token
from ..actors.routing.subset import carries
from ..actors.routing.upstream import ROOT, covers, space_of
from .output import Item

TREATS = ("Resilience", "RateLimit", "Fault")
"""Kinds about one destination that say how its calls are treated."""
_WHOM = ("host", "subset", "instance", "source", "owner", "reason", "expires", "percentage", "responseHeaders")


class _Labelled(NamedTuple):
    service: str
    version: str
    labels: Mapping[str, str]


def near(name: str, names: Iterable[str]) -> str:
    """Return a hint with the names that are most like `name`, or with all of a few; empty where there is none."""
    known = sorted(set(names))
    found = get_close_matches(name[:128], known, 3, 0.5) or known[:5]
    return ("there is " + ", ".join(found)) if found else ""


def service(name: str, instances: list[Item], documents: list[Item], callers: list[Item] | None) -> Item:
    """Return what is known of a service: its instances, the rules that bind it, and who calls it (None: unknown)."""
    members = [one for one in instances if one.get("service") == name]
    token = _token(name, "default")
    rules: list[Item] = []
    destinations: list[Item] = []
    others: list[Item] = []
    for document in documents:
        space, spec = _metadata(document, "namespace") or "default", _mapping(document.get("spec"))
        about: Item = {
            "name": _metadata(document, "name"),
            "namespace": space,
            "revision": int(_metadata(document, "resourceVersion") or 0),
        }
        if document.get("kind") == "VirtualService":
            bound = any(_token(str(host), space) == token for host in _list(spec.get("hosts")))
            reached = [_mapping(one) for one in _destinations(spec)]
            subsets = [str(one.get("subset") or "") for one in reached if _token(str(one.get("host")), space) == token]
            if bound or subsets:
                to = sorted(set(subsets))
                rules.append(
                    {**about, "hosts": _list(spec.get("hosts")), "binds": bound, "subsets": [one for one in to if one]}
                )
        elif document.get("kind") == "DestinationRule" and _token(str(spec.get("host")), space) == token:
            destinations.append({**about, "subsets": subset_counts(spec, members)})
        elif document.get("kind") in TREATS and _treats(str(document["kind"]), spec, space, token):
            end = {"until": spec["expires"]} if "expires" in spec else {}
            said = {"subset": spec.get("subset") or "", "says": _says(spec), **end}
            others.append({"kind": document["kind"], **about, **said})
    return {
        "name": name,
        "versions": sorted({str(one.get("version") or "") for one in members} - {""}),
        "healthy": sum(1 for one in members if one.get("health") in ROUTABLE),
        "instances": members,
        "virtualServices": rules,
        "destinationRules": destinations,
        "treatment": others,
        "callers": callers,
    }


def _treats(kind: str, spec: Item, space: str, token: str) -> bool:
    """Whether a document about a host, or a wildcard, holds for the service; a Fault does from any namespace."""
    host = str(spec.get("host") or "")
    holds = kind == "Fault" or space in (space_of(token), ROOT)
    return holds and (covers(host.lower(), token) if "*" in host else _token(host, space) == token)


def _says(spec: Item) -> list[str]:
    """What a document has besides whom it is about and why: the names of its blocks."""
    return sorted(name for name, value in spec.items() if name not in _WHOM and value not in (None, False, [], ""))


def node(name: str, instances: list[Item], statuses: list[Item]) -> Item:
    """Return what is known of a node: its instances, and by which policy revision it decides."""
    members = [one for one in instances if one.get("node") == name]
    (status,) = [one for one in statuses if one.get("node") == name][:1] or [{}]
    return {
        "name": name,
        "localities": sorted({str(one.get("locality") or "") for one in members} - {""}),
        "addresses": sorted({str(one.get("address") or "") for one in members} - {""}),
        "policy": {key: value for key, value in status.items() if key != "node"},
        "instances": members,
    }


def policy(document: Item, instances: list[Item]) -> Item:
    """Return what is known of a document in force: where it routes to, or its subsets, with the instances of each."""
    space, spec = _metadata(document, "namespace") or "default", _mapping(document.get("spec"))
    found: Item = {
        "kind": document.get("kind"),
        "name": _metadata(document, "name"),
        "namespace": space,
        "revision": int(_metadata(document, "resourceVersion") or 0),
        "since": _metadata(document, "creationTimestamp"),
    }
    if hosts := _list(spec.get("hosts")) or _list([spec["host"]] if "host" in spec else []):
        found["hosts"] = hosts
    if gateways := _list(spec.get("gateways")):
        found["gateways"] = gateways
    if document.get("kind") == "VirtualService":
        reached = [_mapping(one) for one in _destinations(spec)]
        pairs = dict.fromkeys((str(one.get("host") or ""), str(one.get("subset") or "")) for one in reached)
        found["destinations"] = [{"host": host, "subset": subset} for host, subset in pairs]
    if document.get("kind") == "DestinationRule":
        token = _token(str(spec.get("host")), space)
        members = [one for one in instances if _token(str(one.get("service")), "default") == token]
        found["subsets"] = subset_counts(spec, members)
    found["spec"] = spec
    return found


def subset_counts(spec: Item, members: list[Item]) -> list[Item]:
    """Return the subsets of a destination rule, each with the number of instances that carry its labels."""
    found: list[Item] = []
    for one in _list(spec.get("subsets")):
        subset = _mapping(one)
        labels = {str(key): str(value) for key, value in _mapping(subset.get("labels")).items()}
        count = sum(
            1
            for member in members
            if carries(_Labelled(str(member["service"]), str(member["version"]), _mapping(member["labels"])), labels)
        )
        found.append({"name": subset.get("name"), "labels": labels, "instances": count})
    return found


def callers(name: str, traces: Iterable[list[Item]]) -> list[Item]:
    """Return who called a service in some traces, the most frequent first."""
    counts: Counter[str] = Counter()
    for spans in traces:
        by_id = {one.get("span_id"): one for one in spans}
        for span in spans:
            parent = by_id.get(span.get("parent_id"))
            if span.get("service") == name and parent is not None and parent.get("service") != name:
                counts[str(parent.get("service"))] += 1
    return [{"service": caller, "calls": count} for caller, count in counts.most_common()]


def document_name(document: Item) -> str:
    """Return how a document is named here: by its name, outside the namespace `default` by `namespace/name`."""
    space, name = _metadata(document, "namespace") or "default", _metadata(document, "name")
    return name if space == "default" else f"{space}/{name}"


def _destinations(spec: Item) -> Iterable[object]:
    for route in _list(spec.get("http")):
        for one in _list(_mapping(route).get("route")):
            yield _mapping(one).get("destination")
        if mirror := _mapping(_mapping(route).get("mirror")):
            yield mirror


def _token(host: str, namespace: str) -> str:
    try:
        return called_token(host, namespace)
    except InvalidName:
        return f"({host})"  # no service of the mesh: equal to none


def _metadata(document: Item, field: str) -> str:
    return str(_mapping(document.get("metadata")).get(field) or "")


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
