"""One change that a user asks for, read and judged: what it would do to what stands, or why it is refused. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..bus.user_request import number_field, parse
from ..messages.codec import Codec
from ..messages.error import MeshError, Undecodable
from ..messages.rule import Rule
from ..routing.table import RouteTable, compile_table
from .answer import key_of
from .bundle import Outcome, StoredDocument, check
from .document import Document, read_documents
from .problem import Problem
from .record import Held
from .source import as_mapping

ACTIONS = ("apply", "delete", "rollback")

_rules = Codec[Rule](Rule)

# What `policy.get` and a Kubernetes server add: a document that comes back with it is not a changed one.
_ADDED = ("resourceVersion", "creationTimestamp", "generation", "uid", "managedFields", "selfLink")


class Asked(msgspec.Struct):
    """A change as it came in."""

    action: str
    payload: bytes
    reply: bytes
    dry_run: bool = False
    wait: bool = True


def options(headers: bytes) -> tuple[bool, bool]:
    """Return (dry run, wait) as a raw NATS header block says: `plait-dry-run: true`, `plait-wait: false`."""
    said: dict[bytes, bytes] = {}
    for line in headers.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        said[name.strip().lower()] = value.strip().lower()
    return said.get(b"plait-dry-run") == b"true", said.get(b"plait-wait") != b"false"


def read(asked: Asked) -> tuple[list[Document], list[Problem]] | Mapping[str, Any]:
    """Return what an `apply` brings, or the question of another action; independent of what stands.

    Raises:
        Undecodable: the question is none.
    """
    if asked.action != "apply":
        return parse(asked.payload)
    documents, problems = read_documents(asked.payload)
    for document in documents:
        metadata = as_mapping(document.body.get("metadata"))
        if metadata is not None:
            kept = {name: value for name, value in metadata.items() if name not in _ADDED}
            document.body = {**document.body, "metadata": kept}
    if not documents and not problems:
        problems = [Problem("unreadable", "", "$", 0, "there is no document in this text")]
    return documents, problems


def judge_apply(documents: list[Document], held: Mapping[str, Held], revision: int) -> Outcome:
    """Return what a bundle would do."""
    return check(_in_force(held), documents, revision=revision)


def judge_delete(question: Mapping[str, Any], held: Mapping[str, Held], revision: int) -> Outcome:
    """Return what taking one document out would do.

    Raises:
        Refused: the question is badly made.
    """
    return check(_in_force(held), (), delete=[key_of(question)], revision=revision)


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


def compiled(rules: Mapping[str, bytes], revision: int, previous: RouteTable | None) -> RouteTable | Problem:
    """Compile the rules as every node will, or say why that fails."""
    try:
        return compile_table({key: _rules.decode(value) for key, value in rules.items()}, revision, previous)
    except Undecodable as error:
        return Problem("unreadable", "", "", 0, str(error))
    except (MeshError, ValueError) as error:
        return Problem("invalid_value", "", "", 0, f"the rules do not compile: {error}")


def _in_force(held: Mapping[str, Held]) -> dict[str, StoredDocument]:
    return {key: one.document for key, one in held.items()}
