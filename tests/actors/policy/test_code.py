"""Every code has a number and a page; each page's first example raises that code alone, its second nothing."""

import re
from pathlib import Path

import pytest

from plait.actors.policy.code import CODES, Level, codes_table, level_of, number_of
from plait.actors.policy.finding import of_text
from plait.actors.policy.problem import ProblemCode
from plait.actors.policy.world import FILES, World

DOCS = Path(__file__).parents[3] / "docs"
MESH = World(
    {name: [{"version": "v1"}, {"version": "v2"}] for name in ("reviews", "productpage")},
    [{"istio": "ingressgateway"}],
)
WITHOUT_EXAMPLES = {ProblemCode.NOT_FOUND, ProblemCode.LARGE}
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(word):
    return (DOCS / "codes" / f"{CODES[word].number}.md").read_text(encoding="utf-8")


def test_every_code_has_a_number_of_its_own():
    assert set(CODES) == set(ProblemCode)
    numbers = [one.number for one in CODES.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"PLT0[1-9]\d\d", one) for one in numbers)


def test_the_index_is_what_the_code_says():
    assert (DOCS / "codes" / "README.md").read_text(encoding="utf-8") == codes_table(), "run `make docs`"


def test_there_is_no_page_without_a_code():
    pages = {path.stem for path in (DOCS / "codes").glob("PLT*.md")}
    assert pages == {one.number for one in CODES.values()}


@pytest.mark.parametrize("word", CODES, ids=lambda word: CODES[word].number)
def test_a_page_says_what_its_code_is(word):
    code = CODES[word]
    text = page(word)
    assert text.startswith(f"# {code.number} {word.value}\n")
    istio = f" · Istio's is {code.istio}" if code.istio else ""
    assert f"\n{code.level.name.lower()}{istio}: {code.title}.\n" in text


@pytest.mark.parametrize("word", set(CODES) - WITHOUT_EXAMPLES, ids=lambda word: CODES[word].number)
def test_the_first_example_raises_the_code_and_the_second_nothing(word):
    bad, good = _YAML.findall(page(word))
    world = MESH if CODES[word].number.startswith("PLT04") else FILES
    assert {one.number for one in of_text(bad, {}, world)} == {CODES[word].number}
    assert of_text(good, {}, world) == []


def test_an_unknown_host_is_found_in_files_as_well():
    bad, good = _YAML.findall(page(ProblemCode.UNKNOWN_HOST))
    assert {one.code for one in of_text(bad, {}, FILES)} == {"unknown_host"}
    assert of_text(good, {}, FILES) == []


def test_a_code_without_a_number_is_an_error():
    assert (number_of("node_refused"), level_of("node_refused")) == ("", Level.ERROR)
