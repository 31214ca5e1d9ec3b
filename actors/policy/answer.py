"""The policy engine's answers to users, in the shapes of the public API; dates are RFC 3339."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec

from ..bus.user_request import number_field, text_field
from ..messages.error import Refused
from .bundle import StoredDocument
from .code import number_of
from .history import Step
from .problem import Problem
from .record import Held
from .rollout import Word

PAGE = 512 * 1024
"""Bytes of documents in one answer; the next page begins at `next`."""
LINES = 1000
"""Documents, problems or warnings that one answer names."""
_SIZE = 200 * 1024  # bytes of problems, or of warnings, in one answer

Errors = dict[str, list[dict[str, Any]]]


def problems(found: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems or warnings as users see them, numbered; where they do not fit, the last one counts the rest."""
    told: list[dict[str, Any]] = []
    size = more = 0
    for problem in found:
        size += 100 + sum(len(text) for text in (problem.document, problem.path, problem.message, problem.hint))
        if len(told) < LINES and size < _SIZE:
            told.append({**msgspec.to_builtins(problem), "number": number_of(problem.code)})
        else:
            more += 1
    if more:
        told.append(msgspec.to_builtins(Problem("more", "", "", 0, f"and {more} more, which do not fit one answer")))
    return told


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
    if "/" in kind or "/" in space or (slash and not (space and short)):
        raise Refused("a document is named by `name` or `namespace/name`")
    return f"{kind}/{space if slash else text_field(request, 'namespace') or 'default'}/{short}"


def applied(
    keys: Iterable[str], before: Mapping[str, Held], changes: Mapping[str, StoredDocument | None]
) -> list[dict[str, str]]:
    """Return what became of each document that a change named, of the first thousand where there are more."""
    lines: list[dict[str, str]] = []
    for key in islice(keys, LINES):
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


def steps(found: Sequence[Step], active: int, first: int, problem: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the history, the latest first, at most `limit` (100) revisions; `from` is the oldest to go back to.

    Raises:
        Refused: the question is badly made.
    """
    limit = number_field(request, "limit", 100, 1000)
    latest = found[len(found) - limit :] if limit < len(found) else found
    answer: dict[str, Any] = {
        "revision": active,
        "from": first,
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
    return answer | ({"problem": problem} if problem else {})


def status(said: Mapping[str, Word], alive: Iterable[str], revision: int, problem: str) -> dict[str, Any]:
    """Return each living node's policy revision and how it stands to the active one.

    `synced`: it decides by it. `behind`: by an earlier one. `refused`: it cannot decide by it, and says why.
    `stale`: nothing was heard of it.
    """
    items: list[dict[str, Any]] = []
    for node in sorted(alive):
        word = said.get(node)
        if word is None:
            items.append({"node": node, "revision": 0, "state": "stale", "since": "", "reason": ""})
            continue
        state = "behind"
        if word.state == "refused":
            state = "refused"
        elif word.state == "active" and word.revision >= revision:
            state = "synced"
        since = date(word.since)
        items.append({"node": node, "revision": word.revision, "state": state, "since": since, "reason": word.reason})
    return {"revision": revision, "items": items} | ({"problem": problem} if problem else {})


def convergence(times: Sequence[float], began: float) -> dict[str, float]:
    """Return the seconds that nodes took since `began`: the median, the 99th percentile and the last one's."""
    took = sorted(time - began for time in times)
    at = {"p50": len(took) // 2, "p99": max(0, -(-99 * len(took) // 100) - 1), "all": len(took) - 1}
    return {name: round(took[place], 6) for name, place in at.items()}
