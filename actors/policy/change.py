"""One change that a user asks for, read and judged: what it would do to what stands, or why it is refused. Pure.

What may take long comes in steps that rest, see `loop.slice`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..bus.user_request import number_field
from ..loop.slice import Steps
from ..messages.error import Refused
from .answer import key_of
from .bundle import Outcome, StoredDocument, checking
from .document import Document, reading
from .problem import Problem
from .record import Held
from .source import as_list, as_mapping
from .world import World

ACTIONS = ("apply", "delete", "rollback")

# What `policy.get` and a Kubernetes server add: a document that comes back with it is not a changed one.
_ADDED = ("resourceVersion", "creationTimestamp", "generation", "uid", "managedFields", "selfLink")


class Asked(msgspec.Struct):
    """A change as it came in."""

    action: str
    payload: bytes
    reply: bytes
    dry_run: bool = False
    wait: bool = True


def said(headers: bytes) -> dict[bytes, bytes]:
    """Return what a raw NATS header block says, in lower case: `plait-dry-run: true`, `plait-wait: false`."""
    fields: dict[bytes, bytes] = {}
    for line in headers.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip().lower()
    return fields


def asked(action: str, payload: bytes, reply: bytes, fields: Mapping[bytes, bytes]) -> Asked:
    """Return a change as it came in with its headers."""
    return Asked(action, payload, reply, fields.get(b"plait-dry-run") == b"true", fields.get(b"plait-wait") != b"false")


def reading_bundle(payload: bytes) -> Steps[tuple[list[Document], list[Problem]]]:
    """Return what an `apply` brings, and what makes it unreadable; independent of what stands."""
    documents, problems = yield from reading(payload)
    for document in documents:
        document.body = without_additions(document.body)
    if not documents and not problems:
        problems = [Problem("unreadable", "", "$", 0, "there is no document in this text")]
    return documents, problems


def without_additions(body: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what `policy.get` or a Kubernetes server adds to its metadata."""
    metadata = as_mapping(body.get("metadata"))
    if metadata is None:
        return body
    return {**body, "metadata": {name: value for name, value in metadata.items() if name not in _ADDED}}


def judging_apply(documents: list[Document], held: Mapping[str, Held], revision: int, world: World) -> Steps[Outcome]:
    """Return what a bundle would do."""
    return checking(_in_force(held), documents, revision=revision, world=world)


def judging_delete(question: Mapping[str, Any], held: Mapping[str, Held], revision: int) -> Steps[Outcome]:
    """Return what taking documents out would do: the one that the question names, or all of its `items`.

    Raises:
        Refused: the question is badly made.
    """
    items = as_list(question.get("items"))
    keys = [key_of(question)] if items is None else [key_of(as_mapping(item) or {}) for item in items]
    force = question.get("force", False)
    if not isinstance(force, bool):
        raise Refused("`force` is neither true nor false")
    if not keys:
        raise Refused("`items` is empty: nothing is to be taken out")
    return checking(_in_force(held), (), delete=keys, revision=revision, force=force)


def judge_rollback(before: Mapping[str, Held], held: Mapping[str, Held]) -> Outcome:
    """Return what going back to `before` would do: it was sound as a whole, and so it is not judged again."""
    changes: dict[str, StoredDocument | None] = {}
    for key in sorted({*before, *held}):
        old, now = before.get(key), held.get(key)
        if old is None:
            changes[key] = None
        elif now is None or old.document != now.document:
            changes[key] = old.document
    return Outcome(changes, tuple(changes))


def target(question: Mapping[str, Any]) -> int:
    """Return the revision that a rollback names.

    Raises:
        Refused: it names none.
    """
    return number_field(question, "revision", -1)


def _in_force(held: Mapping[str, Held]) -> dict[str, StoredDocument]:
    return {key: one.document for key, one in held.items()}
