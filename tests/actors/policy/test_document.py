"""Text becomes documents with lines, or problems, and never anything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.actors.policy.bundle import check
from plait.actors.policy.document import read_documents
from plait.actors.policy.problem import Problem, render

TWO = """\
# the first
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  labels: {app.kubernetes.io/name: mesh}
spec:
  http:
  - route:
    - destination: {host: reviews}
    - destination:
        host: reviews
      weight: 5
---
# nothing but words
---
kind: Gateway
metadata:
  name: edge
  namespace: shop
"""


def read(text):
    documents, problems = read_documents(text)
    assert problems == []
    return documents


def refused(text):
    _, problems = read_documents(text)
    assert len(problems) == 1
    return problems[0]


def test_a_text_holds_several_documents_and_comments():
    first, second = read(TWO)
    assert (first.key, first.api_version) == ("VirtualService/default/reviews", "networking.istio.io/v1")
    assert (second.key, second.number) == ("Gateway/shop/edge", 2)
    assert read("") == read("# nothing\n") == read("---\n---\n") == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$", 2),
        ("$.metadata.name", 5),
        ('$.metadata.labels["app.kubernetes.io/name"]', 6),
        ("$.spec.http[0].route[1].weight", 13),
        ("$.spec.http[0].route[0].destination.host", 10),
        ("$.spec.nothing", 0),
    ],
)
def test_every_path_has_its_line(path, line):
    assert read(TWO)[0].line_of(path) == line


def test_a_path_that_is_not_there_has_the_line_of_what_is_around_it():
    document = read(TWO)[0]
    assert document.line(("spec", "http", 0, "route", 1, "destination", "subset")) == 11
    assert document.line(("status",)) == 2
    assert read(TWO)[1].line(("spec",)) == 17


def test_json_is_yaml_with_lines():
    (document,) = read(
        '{"kind": "Gateway",\n "metadata": {"name": "edge"}, "spec": {"on": true, "n": 1.5, "s": "\\u00e9"}}'
    )
    assert document.body["spec"] == {"on": True, "n": 1.5, "s": "é"}
    assert document.line_of("$.spec.on") == 2


@pytest.mark.parametrize("kind", ["List", "PolicyList"])
def test_the_items_of_a_list_are_documents_of_their_own(kind):
    items = "- kind: A\n  metadata: {name: a}\n- kind: B\n  metadata:\n    name: b\n"
    text = f"apiVersion: v1\nkind: {kind}\nitems:\n{items}"
    first, second = read(text)
    assert (first.key, second.key) == ("A/default/a", "B/default/b")
    assert second.line(("metadata", "name")) == 8
    assert second.line_of("$.metadata.name") == 8


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("010", "010"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("99999999999999999999", "99999999999999999999"),
        ("'true'", "true"),
        ('"5"', "5"),
        ("!!str 5", "5"),
        ("=", "="),
    ],
)
def test_words_stay_words(word, value):
    assert read(f"kind: A\nx: {word}\n")[0].body["x"] == value


def test_keys_are_texts():
    assert read("on: 1\n5: 2\nnull: 3\n")[0].body == {"on": 1, "5": 2, "null": 3}


def test_anchors_and_merges_are_followed():
    (document,) = read("base: &b\n  host: a\n  subset: v1\nx:\n  <<: *b\n  subset: v2\ny: [*b]\n")
    assert document.body["x"] == {"subset": "v2", "host": "a"}
    assert document.body["y"] == [{"host": "a", "subset": "v1"}]
    assert document.line_of("$.x.host") == 2


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("kind: A\nspec: [1, 2\n", "unreadable", 3, "not valid YAML"),
        ("kind: A\nspec:\n\tx: 1\n", "unreadable", 3, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", "duplicate_key", 3, "'a' stands here twice (first in line 1)"),
        ("x:\n  y: {z: 1, z: 2}\n", "duplicate_key", 2, "'z' stands here twice"),
        ("kind: A\n---\n- 1\n", "unreadable", 3, "must be a mapping"),
        ("just words\n", "unreadable", 1, "must be a mapping"),
        ("kind: List\nitems:\n- 5\n", "unreadable", 3, "an item of a List"),
        ("x: *nothing\n", "unreadable", 1, "has no anchor"),
        ("x: &a [*a]\n", "unreadable", 1, "inside its own"),
        ("x: !!python/object/apply:os.system [ls]\n", "unreadable", 1, "is not allowed"),
        ("x: !!binary aGk=\n", "unreadable", 1, "is not allowed"),
        ("x: !!int many\n", "unreadable", 1, "is no int"),
        ("? [a]\n: 1\n", "unreadable", 1, "a key must be a plain text"),
        ("<<: 5\n", "unreadable", 1, "takes a mapping"),
        ("x: " + "[" * 70 + "]" * 70, "too_large", 1, "nested deeper"),
        ("x: " + "[" * 50_000, "too_large", 1, "nested deeper"),
        ("x: 1\n" * 1_700_000, "too_large", 1, "larger than"),
        (b"x: \xff\n", "unreadable", 1, "not UTF-8"),
        ("x: \x00\n", "unreadable", 1, "not valid YAML"),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_line(text, code, line, words):
    problem = refused(text)
    assert (problem.code, problem.line) == (code, line)
    assert words in problem.message


def test_aliases_cannot_blow_a_text_up():
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    problem = refused(laughs)
    assert problem.code == "too_large"
    assert "aliases expand" in problem.message


def test_documents_before_an_unreadable_one_are_kept():
    documents, problems = read_documents("kind: A\nmetadata: {name: a}\n---\nkind: [\n")
    assert [one.key for one in documents] == ["A/default/a"]
    assert problems[0].line >= 4


def test_paths_are_written_with_quotes_where_they_need_them():
    assert (
        render(("spec", "http", 0, "headers", "end-user", "a.b", 'q"'))
        == '$.spec.http[0].headers.end-user["a.b"]["q\\""]'
    )


def only_problems(text):
    documents, problems = read_documents(text)
    outcome = check({}, documents, revision=1)
    assert all(isinstance(one, Problem) for one in [*problems, *outcome.problems, *outcome.warnings])


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_documents_or_problems(text):
    only_problems(text)


WORDS = """
apiVersion kind metadata name namespace spec hosts gateways http route match uri exact prefix regex headers destination
host subset weight timeout retries fault delay abort percentage value fixedDelay servers port number protocol selector
subsets labels trafficPolicy loadBalancer simple exportTo tls mode
"""
names = st.sampled_from(WORDS.split())
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    names,
    st.sampled_from(["1s", "*", "mesh"]),
)
trees = st.recursive(
    leaves, lambda one: st.lists(one, max_size=3) | st.dictionaries(names, one, max_size=6), max_leaves=30
)


@given(st.sampled_from(["VirtualService", "DestinationRule", "Gateway"]), trees, trees)
@settings(max_examples=300, deadline=None)
def test_any_tree_gives_rules_or_problems(kind, spec, metadata):
    only_problems(
        json.dumps({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec})
    )
