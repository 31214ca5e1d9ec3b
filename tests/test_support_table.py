"""The support table says what the code does: the page is up to date, and what it calls unsupported is refused."""

from pathlib import Path

import pytest

from plait.actors.policy.document import read_documents
from plait.actors.policy.kind import KINDS, LATER, NEVER
from plait.actors.policy.support import LATER_ON, NO, NOTES, rows, support_table
from plait.actors.policy.translate import translate

PAGE = Path(__file__).parent.parent / "docs" / "support.md"

REFUSED = [(kind, row.path) for kind in KINDS for row in rows(kind) if row.state in (LATER_ON, NO)]


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == support_table(), "run `make docs`"


def test_every_note_is_about_a_field():
    known = {(kind, row.path.removesuffix("{}").removesuffix("[]")) for kind in KINDS for row in rows(kind)}
    assert set(NOTES) - known == set()


def document(kind: str, path: str) -> str:
    """A document in which only the field at `path` is set."""
    text = "1"
    for step in reversed(path.split(".")):
        name = step.removesuffix("[]")
        text = f"{{{name}: [{text}]}}" if step.endswith("[]") else f"{{{name}: {text}}}"
    version = f"{KINDS[kind].group}/{KINDS[kind].versions[0]}"
    return f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}, spec: {text}}}"


@pytest.mark.parametrize(("kind", "path"), REFUSED)
def test_a_field_that_is_called_unsupported_is_refused_by_its_name(kind, path):
    ((one,), problems) = read_documents(document(kind, path))
    assert problems == []
    place = "$.spec." + path.replace("[]", "[0]")
    assert (place, "unsupported_field") in {(found.path, found.code) for found in translate(one).problems}


@pytest.mark.parametrize("kind", sorted({*LATER, *NEVER}))
def test_a_kind_that_is_called_unsupported_is_refused_by_its_name(kind):
    ((one,), _) = read_documents(
        f"{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: a}}, spec: {{}}}}"
    )
    (problem,) = translate(one).problems
    assert problem.code == "unsupported_kind"
    assert kind in problem.message
