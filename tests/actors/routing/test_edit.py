"""Changes of headers: their order, their levels, the authority, and the context that travels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.rule import HeaderChange
from plait.actors.routing.edit import compile_edit, set_authority, without_authority

FIELDS = [("a", "1"), ("b", "2"), ("a", "3")]
NONE = frozenset()


def edited(*changes, fields=FIELDS):
    fields = list(fields)
    compile_edit(changes).apply(fields)
    return fields


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (HeaderChange(set=(("a", "x"),)), [("b", "2"), ("a", "x")]),
        (HeaderChange(set=(("c", "x"),)), [*FIELDS, ("c", "x")]),
        (HeaderChange(set=(("a", ""),)), [("b", "2"), ("a", "")]),
        (HeaderChange(add=(("a", "x"),)), [*FIELDS, ("a", "x")]),
        (HeaderChange(remove=("a", "z")), [("b", "2")]),
        (HeaderChange((("a", "x"),), (("a", "y"),), ("a", "b")), [("a", "x"), ("a", "y")]),
        (HeaderChange(add=(("a", "y"),), remove=("a",)), [("b", "2"), ("a", "y")]),
    ],
)
def test_a_change_removes_then_sets_then_adds(change, expected):
    assert edited(change) == expected


def test_a_destinations_change_comes_after_its_routes():
    route = HeaderChange((("a", "route"),), (("b", "route"),))
    assert edited(route, HeaderChange((("b", "goal"),), (("a", "goal"),))) == [
        ("a", "route"), ("b", "goal"), ("a", "goal"),
    ]  # fmt: skip


NAMES = st.sampled_from("abc")
PAIRS = st.lists(st.tuples(NAMES, st.sampled_from("123")), max_size=3, unique_by=lambda field: field[0]).map(tuple)
CHANGES = st.builds(HeaderChange, PAIRS, PAIRS, st.lists(NAMES, max_size=2).map(tuple))


@given(st.lists(st.tuples(NAMES, st.sampled_from("xy")), max_size=4), st.lists(CHANGES, max_size=3))
def test_the_compiled_change_is_all_removals_then_each_levels_set_and_add_in_order(fields, changes):
    expected = [field for field in fields if not any(field[0] in change.remove for change in changes)]
    for change in changes:
        for name, value in change.set:
            expected = [*(field for field in expected if field[0] != name), (name, value)]
        expected += change.add
    edit = compile_edit(changes)
    if edit is not None:
        edit.apply(fields)
    assert fields == expected


@pytest.mark.parametrize("changes", [(), (None, None), (HeaderChange(),), (None, HeaderChange())])
def test_what_changes_nothing_is_none(changes):
    assert compile_edit(changes) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (None, ""),
        (HeaderChange(set=((":authority", "a"),)), "a"),
        (HeaderChange(set=(("host", "a"),)), "a"),
        (HeaderChange(add=(("host", "a"),)), "a"),
        (HeaderChange((("host", "set"),), ((":authority", "added"),)), "set"),
        (HeaderChange(set=(("x", "a"),), remove=("host",)), ""),
    ],
)
def test_the_authority_is_set_by_its_names_and_set_beats_add(change, expected):
    assert set_authority(change) == expected


def test_pseudo_headers_and_host_are_no_fields():
    names = ("host", ":authority", ":method", "x")
    pairs = tuple((name, "1") for name in names)
    assert without_authority(HeaderChange(pairs, pairs, names)) == HeaderChange((("x", "1"),), (("x", "1"),), ("x",))


@pytest.mark.parametrize(
    ("change", "baggage", "after", "fields"),
    [
        (HeaderChange(set=(("end-user", "tester"),)), {"end-user": "jason"}, {"end-user": "tester"}, []),
        (HeaderChange(set=(("end-user", "tester"),)), {}, {"end-user": "tester"}, []),
        (HeaderChange(add=(("end-user", "b"),)), {"end-user": "a"}, {"end-user": "a,b"}, []),
        (HeaderChange(remove=("end-user",)), {"end-user": "jason", "k": "v"}, {"k": "v"}, []),
        (HeaderChange(set=(("k", "w"),)), {"k": "v"}, {"k": "w"}, []),
        (HeaderChange(set=(("k", "w"),)), {}, {}, [("k", "w")]),
    ],
)
def test_what_travels_by_itself_is_changed_where_it_travels(change, baggage, after, fields):
    context, headers = dict(baggage), []
    compile_edit([change]).apply_with_baggage(headers, context, frozenset({"end-user"}))
    assert (context, headers) == (after, fields)


def test_fields_of_a_name_that_travels_are_joined_with_what_is_added():
    context, headers = {}, [("end-user", "a"), ("x", "1")]
    change = HeaderChange(add=(("end-user", "b"),))
    compile_edit([change]).apply_with_baggage(headers, context, frozenset({"end-user"}))
    assert (context, headers) == ({"end-user": "a,b"}, [("x", "1")])
