"""The policy engine's answers to users, in the shapes of the public API; dates are RFC 3339."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..bus.user_request import number_field, text_field
from ..messages.error import Refused
from ..messages.table import Acknowledge
from .bundle import StoredDocument
from .history import Step
from .problem import Problem
from .record import Held

PAGE = 512 * 1024
"""Bytes of documents in one answer; the next page begins at `next`."""

Errors = dict[str, list[dict[str, Any]]]


def problems(found: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems or warnings as users see them."""
    return [msgspec.to_builtins(problem) for problem in found]


def error(code: str, message: str, document: str = "") -> Errors:
    """Return an answer with one error."""
    return {"errors": problems([Problem(code, document, "", 0, message)])}


def date(seconds: float) -> str:
    """Return seconds since 1970 as a date."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(request: Mapping[str, Any]) -> str:
    """Return the key of the document that `kind`, `name` (or `namespace/name`) and `namespace` name.

    Raises:
        Refused: kind or name is missing or no text.
    """
    kind, name = text_field(request, "kind"), text_field(request, "name")
    if not kind or not name:
        raise Refused("`kind` and `name` are both needed")
    space, slash, short = name.rpartition("/")
    return f"{kind}/{space if slash else text_field(request, 'namespace') or 'default'}/{short}"


def applied(
    keys: Iterable[str], before: Mapping[str, Held], changes: Mapping[str, StoredDocument | None]
) -> list[dict[str, str]]:
    """Return what became of each document that a change named."""
    lines: list[dict[str, str]] = []
    for key in keys:
        kind, space, name = key.split("/", 2)
        action = "unchanged"
        if key in changes:
            action = "deleted" if changes[key] is None else "configured" if key in before else "created"
        lines.append({"kind": kind, "namespace": space, "name": name, "action": action})
    return lines


def documents(held: Mapping[str, Held], revision: int, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the documents in force that a question (`kind`, `name`, `namespace`, all optional) asks for, page by page.

    Raises:
        Refused: the question is badly made.
    """
    kind, name = text_field(request, "kind"), text_field(request, "name")
    space = text_field(request, "namespace")
    first = number_field(request, "offset", 0)
    wanted = key_of(request) if kind and name else ""
    keys = [
        key
        for key, one in sorted(held.items())
        if (key == wanted if wanted else not kind or one.document.kind == kind)
        and (not space or one.document.namespace == space)
    ]
    items: list[dict[str, Any]] = []
    size = 0
    answer: dict[str, Any] = {"revision": revision, "items": items}
    for place, key in enumerate(keys[first:], first):
        item = _dated(held[key])
        size += len(msgspec.json.encode(item))
        if items and size > PAGE:
            answer["next"] = place
            break
        items.append(item)
    return answer


def _dated(held: Held) -> dict[str, Any]:
    """The document as it was written, with the fields of its metadata that `apply` overlooks when they come back."""
    body = held.document.body
    metadata = {
        **body.get("metadata", {}),
        "resourceVersion": str(held.revision),
        "creationTimestamp": date(held.created),
    }
    return {**body, "metadata": metadata}


def steps(found: Sequence[Step], active: int, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the history, the latest first, at most `limit` (100) revisions.

    Raises:
        Refused: the question is badly made.
    """
    limit = number_field(request, "limit", 100, 1000)
    latest = found[len(found) - limit :] if limit < len(found) else found
    return {
        "revision": active,
        "items": [
            {
                "revision": step.revision,
                "previous": step.revision - 1,
                "time": date(step.time),
                "action": step.action,
                "changed": list(step.changed[:100]),
                "changes": len(step.changed),
                "digest": step.digest,
                "active": step.revision == active,
            }
            for step in reversed(latest)
        ],
    }


def status(said: Mapping[str, Acknowledge], alive: Iterable[str], revision: int) -> dict[str, Any]:
    """Return each living node's policy revision and whether it is the active one."""
    items: list[dict[str, Any]] = []
    for node in sorted(alive):
        word = said.get(node)
        synced = word is not None and word.state == "active" and word.revision >= revision
        refused = word is not None and word.state == "refused"
        items.append(
            {
                "node": node,
                "revision": word.revision if word is not None else 0,
                "state": "synced" if synced else "refused" if refused else "stale",
                "reason": word.reason if word is not None else "",
            }
        )
    return {"revision": revision, "items": items}
