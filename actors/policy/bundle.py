"""A bundle: documents that are accepted or refused as one, checked against what is in force.

Pure: it is given what is in force and what comes in, and says what would change and why not. The policy engine stores
and publishes what it answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..loop.slice import Steps, at_once
from ..messages.codec import encode
from ..messages.rule import Rule, RuleSet
from ..messages.table import Change
from .analyze import analyze
from .delegation import check_delegates
from .document import Document
from .hint import did_you_mean
from .problem import Problem, ProblemCode, Report
from .reference import check_references
from .scene import Scene
from .translate import translate
from .world import UNKNOWN, World


class StoredDocument(msgspec.Struct, frozen=True, array_like=True):
    """One document in force: as its user wrote it, and the rule that it stands for."""

    kind: str
    namespace: str
    name: str
    body: dict[str, Any]
    """The whole document."""
    rule: Rule

    @property
    def key(self) -> str:
        """`Kind/namespace/name`, which is also the rule's key in the policy table."""
        return f"{self.kind}/{self.namespace}/{self.name}"


class Outcome(msgspec.Struct, frozen=True):
    """What a bundle would change; with any problem, nothing."""

    documents: dict[str, StoredDocument | None] = {}
    """New documents by key; None takes one out. What is the same as before is not among them."""
    applied: tuple[str, ...] = ()
    """Keys of all that was asked for, changed or not, in order."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def rules(self) -> tuple[Change, ...]:
        """The changes of the policy table, encoded, sorted by key."""
        return tuple((key, None if one is None else encode(one.rule)) for key, one in sorted(self.documents.items()))


def check(
    in_force: Mapping[str, StoredDocument],
    incoming: Sequence[Document],
    *,
    delete: Iterable[str] = (),
    revision: int = 0,
    force: bool = False,
    world: World = UNKNOWN,
) -> Outcome:
    """Return what becomes of a bundle: every reason why it is refused, or its changes.

    Args:
        in_force: the documents of the current revision by key.
        incoming: documents to create or replace.
        delete: keys to take out.
        revision: the revision that the changes would become; a new virtual service is dated by it.
        force: let what is in force name what is taken out: those are warnings then.
        world: what is known of the mesh besides policy, for warnings.
    """
    return at_once(checking(in_force, incoming, delete=delete, revision=revision, force=force, world=world))


def checking(
    in_force: Mapping[str, StoredDocument],
    incoming: Sequence[Document],
    *,
    delete: Iterable[str] = (),
    revision: int = 0,
    force: bool = False,
    world: World = UNKNOWN,
) -> Steps[Outcome]:
    """See `check`; rests after each document."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    sources: dict[str, Document] = {}
    changed: dict[str, StoredDocument | None] = {}
    removed = tuple(dict.fromkeys(delete))
    for key in removed:
        if key in in_force:
            changed[key] = None
        else:
            problems.append(_absent(key, in_force))
    for document in incoming:
        if document.key in sources:
            problems.append(_twice(document, sources[document.key]))
            continue
        sources[document.key] = document
        translation = translate(document)
        problems += translation.problems
        warnings += translation.warnings
        if translation.rule is not None:
            changed[document.key] = _dated(document, translation.rule, in_force.get(document.key), revision)
        yield
    after = dict(in_force)
    for key, one in changed.items():
        if one is None:
            after.pop(key, None)
        else:
            after[key] = one
    unsound = frozenset(key for key in sources if key not in changed)
    scene = Scene(after={key: one.rule for key, one in after.items()}, sources=sources, unsound=unsound)
    yield
    found = yield from check_references(scene, {key: one.rule for key, one in in_force.items()}, removed)
    found += yield from check_delegates(scene, removed)
    if force:
        warnings += found
    else:
        problems += found
    warnings += yield from analyze(scene, world)
    if problems:
        return Outcome(problems=tuple(problems), warnings=tuple(warnings))
    documents = {key: one for key, one in changed.items() if one is None or one != in_force.get(key)}
    return Outcome(documents, (*removed, *sources), (), tuple(warnings))


def _dated(document: Document, rule: Rule, before: StoredDocument | None, revision: int) -> StoredDocument:
    if isinstance(rule, RuleSet):
        old = before.rule if before is not None else None
        rule = msgspec.structs.replace(rule, order=old.order if isinstance(old, RuleSet) else revision)
    return StoredDocument(document.kind, document.namespace, document.name, document.body, rule)


def _absent(key: str, in_force: Mapping[str, StoredDocument]) -> Problem:
    kind, _, name = key.split("/")
    same = [one for one in in_force if one.startswith(f"{kind}/")]
    hint = did_you_mean(key, [one for one in same if one.endswith(f"/{name}")] or same or in_force)
    return Problem(ProblemCode.NOT_FOUND.value, key, "$", 0, f"{key} is not in force", hint)


def _twice(document: Document, first: Document) -> Problem:
    report = Report(document.key, document.line)
    message = f"{document.key} stands twice in this bundle (first in line {first.line(())})"
    report.refuse(ProblemCode.DUPLICATE_DOCUMENT, (), message)
    return report.problems[0]
