"""Findings for people: files, or the policy of a mesh, checked as the policy engine would, with numbers and levels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..loop.slice import at_once
from ..messages.rule import RuleSet
from .analyze import analyze
from .bundle import StoredDocument, check
from .code import CODES, Level, level_of, number_of
from .document import Document, read_documents
from .problem import Problem, ProblemCode
from .scene import Scene
from .source import as_mapping
from .world import World


class Finding(msgspec.Struct, frozen=True):
    """One problem or warning, with its number; see `docs/codes/`."""

    number: str
    level: str
    """`error`, `warning` or `info`."""
    code: str
    istio: str
    """Istio's number for the like, or nothing."""
    document: str
    path: str
    line: int
    """Line of the text, from 1; 0 where there is none."""
    message: str
    hint: str


def of_text(text: str | bytes, standing: Mapping[str, StoredDocument], world: World) -> list[Finding]:
    """Return all findings about the documents in `text`, were they applied to what stands; in the text's order."""
    documents, problems = read_documents(text)
    latest = max((one.rule.order for one in standing.values() if isinstance(one.rule, RuleSet)), default=0)
    outcome = check(standing, documents, revision=latest + 1, world=world)
    found = [_finding(one) for one in (*problems, *outcome.problems, *outcome.warnings)]
    return sorted(found, key=lambda one: (one.line, one.path, one.number))


def of_mesh(standing: Mapping[str, StoredDocument], world: World) -> list[Finding]:
    """Return all findings about the policy in force."""
    sources = {key: Document(one.body, {}, place) for place, (key, one) in enumerate(standing.items(), 1)}
    outcome = check({}, list(sources.values()))  # what documents say by themselves: fields without effect and the like
    scene = Scene({key: one.rule for key, one in standing.items()}, sources, frozenset())
    own = (*outcome.problems, *(one for one in outcome.warnings if one.code in _ALONE))
    found = {_finding(one): None for one in (*own, *at_once(analyze(scene, world)))}
    return sorted(found, key=lambda one: (one.document, one.path, one.number))


_ALONE = (ProblemCode.NO_EFFECT, ProblemCode.DEPRECATED)
"""Warnings that a document gives by itself."""


def stand(items: Iterable[Mapping[str, Any]]) -> dict[str, StoredDocument]:
    """Return the documents of `policy.get`'s items by key, those that came first dated first."""
    created: dict[str, str] = {}
    documents: list[Document] = []
    for number, item in enumerate(items, 1):
        document = Document(dict(item), {}, number)
        documents.append(document)
        created[document.key] = str((as_mapping(item.get("metadata")) or {}).get("creationTimestamp", ""))
    ranks = {date: rank for rank, date in enumerate(sorted(set(created.values())), 1)}
    standing: dict[str, StoredDocument] = {}
    for key, one in check({}, documents).documents.items():
        if one is None:
            continue
        rule = one.rule
        if isinstance(rule, RuleSet):
            rule = msgspec.structs.replace(rule, order=ranks[created[key]])
        standing[key] = msgspec.structs.replace(one, rule=rule)
    return standing


def worst(found: Sequence[Finding]) -> Level | None:
    """Return the highest level among the findings, None where there are none."""
    return max((Level[one.level.upper()] for one in found), default=None)


def _finding(problem: Problem) -> Finding:
    code = problem.code
    istio = CODES[ProblemCode(code)].istio if number_of(code) else ""
    level = level_of(code).name.lower()
    return Finding(
        number_of(code),
        level,
        code,
        istio,
        problem.document,
        problem.path,
        problem.line,
        problem.message,
        problem.hint,
    )
