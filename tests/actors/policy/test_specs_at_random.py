"""Documents made at random from the kinds' own fields: refused with reasons, or accepted and the same ever after."""

import enum
import math

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from plait.actors.messages.codec import encode
from plait.actors.messages.rule import Rule
from plait.actors.policy.bundle import check
from plait.actors.policy.change import without_additions
from plait.actors.policy.document import read_documents
from plait.actors.policy.hint import bare, fields
from plait.actors.policy.kind import KINDS
from plait.actors.policy.translate import translate
from plait.actors.routing.table import compile_table

TEXTS = [
    "reviews",
    "ratings.shop",
    "*",
    "*.shop",
    "api.example.com",
    "v1",
    "GET",
    "x-user",
    "5xx",
    "503",
    "timeout",
    "region/zone/*",
    "p95",
    "p99.99",
    "1ms",
    "0s",
    "10s",
    "1h",
    "100000h",
    "-1s",
    "2026-11-24T21:00:00Z",
    "2026-11-24",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "text/plain",
    "é",
    "\x00",
    "a/b/c",
]
NUMBERS = [0, 1, -1, 2, 50, 99.9, 100, 101, 503, 65537, 10**9, 10**20, 1e-9, 1e300, math.nan, math.inf, True, "1", None]
ANYTHING = st.sampled_from([None, True, 0, 1.5, "", "x" * 300, [], {}, [[]], {"a": {}}])


def values(kind):
    """Values of a field: mostly of its type, now and then anything."""
    kind = bare(kind)
    made = ANYTHING
    if isinstance(kind, inspect.StructType):
        made = st.deferred(lambda: specs(kind.cls))
    elif isinstance(kind, inspect.ListType):
        made = st.lists(st.deferred(lambda: values(kind.item_type)), max_size=3)
    elif isinstance(kind, inspect.DictType):
        made = st.dictionaries(st.sampled_from(TEXTS), st.deferred(lambda: values(kind.value_type)), max_size=3)
    elif isinstance(kind, inspect.EnumType):
        made = st.sampled_from([one.value for one in kind.cls if isinstance(one, enum.Enum)])
    elif isinstance(kind, inspect.BoolType):
        made = st.booleans()
    elif isinstance(kind, inspect.IntType | inspect.FloatType):
        made = st.sampled_from(NUMBERS)
    elif isinstance(kind, inspect.StrType | inspect.CustomType):
        made = st.sampled_from(TEXTS)
    return st.integers(0, 19).flatmap(lambda n: made if n else ANYTHING)


def specs(kind):
    """A mapping with some of a struct's fields."""
    known = fields(kind)
    most = st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True)
    return most.flatmap(lambda names: st.fixed_dictionaries({name: values(known[name].type) for name in names}))


REQUIRED = {
    "RateLimit": {"host": "reviews", "limits": [{"requests": 5}]},
    "Fault": {"host": "reviews", "owner": "me", "reason": "why", "expires": "2026-11-24T21:00:00Z"},
    "Resilience": {"host": "reviews"},
    "DestinationRule": {"host": "reviews"},
}


@st.composite
def documents(draw):
    name = draw(st.sampled_from([*KINDS, *REQUIRED, "Resilience", "Resilience"]))
    kind = KINDS[name]
    spec = {**REQUIRED.get(name, {}), **draw(specs(kind.spec))}
    metadata = {"name": "one", "namespace": draw(st.sampled_from(["default", "shop"]))}
    return {"apiVersion": f"{kind.group}/v1", "kind": name, "metadata": metadata, "spec": spec}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(documents())
def test_a_document_is_refused_with_reasons_or_accepted_and_comes_back_the_same(document):
    text = msgspec.json.encode(document)  # NaN and infinity are null there, as for whoever writes JSON
    (read,), problems = read_documents(text)
    assert problems == []
    made = translate(read)
    assert (made.rule is None) == bool(made.problems)
    for problem in (*made.problems, *made.warnings):
        assert problem.message
        assert problem.path.startswith("$")
    outcome = check({}, [read], revision=1)
    assert outcome.accepted or outcome.problems
    if made.rule is None:
        return
    assert msgspec.msgpack.decode(encode(made.rule), type=Rule) == made.rule
    compile_table({read.key: made.rule})
    shown = {**read.body, "metadata": {**read.body["metadata"], "resourceVersion": "1", "generation": 1}}
    (again,), problems = read_documents(msgspec.json.encode(shown))
    assert problems == []
    assert without_additions(again.body) == read.body
    assert translate(again).rule == made.rule
