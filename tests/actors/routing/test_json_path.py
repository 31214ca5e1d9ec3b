"""Paths into JSON, and the places where two documents differ."""

import pytest

from plait.actors.routing.json_path import MOST, differences, read_path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", ()),
        ("$.a.b-c", ("a", "b-c")),
        ("$.a[0][*].*", ("a", 0, "*", "*")),
        ("$['a.b'][\"c[0]\"]", ("a.b", "c[0]")),
    ],
)
def test_paths_are_read(text, steps):
    assert read_path(text) == steps


@pytest.mark.parametrize("text", ["", "a", "$a", "$.", "$..a", "$[", "$[-1]", "$[a]", "$.a[0", "$[?(@.x)]"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ValueError, match=r"path|neither"):
        read_path(text)


@pytest.mark.parametrize(
    ("one", "other", "places"),
    [
        ({"a": 1}, {"a": 1}, []),
        (1, 2, ["$"]),
        ({"a": 1}, {"a": 2}, ["$.a"]),
        ({"a": 1}, {"b": 1}, ["$.a", "$.b"]),
        ({"a": [1, 2, 3]}, {"a": [1, 5, 3, 4]}, ["$.a[*]", "$.a[*]"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["$.a[*].b"]),
        ({"a": {"b": 1}}, {"a": [1]}, ["$.a"]),
        ({"a": None}, {}, ["$.a"]),
    ],
)
def test_each_place_that_differs_is_told(one, other, places):
    assert list(differences(one, other)) == places


@pytest.mark.parametrize(
    ("ignored", "places"),
    [
        (("$.id",), ["$.list[*].id", "$.list[*].x"]),
        (("$.id", "$.list[*].id"), ["$.list[*].x"]),
        (("$.*", "$.list[0].id"), []),
        (("$.list",), ["$.id"]),
        (("$",), []),
    ],
)
def test_what_may_differ_is_left_out_with_all_below_it(ignored, places):
    one, other = {"id": 1, "list": [{"id": 1, "x": 1}]}, {"id": 2, "list": [{"id": 2, "x": 2}]}
    assert list(differences(one, other, [read_path(path) for path in ignored])) == places


def test_large_documents_are_looked_at_up_to_a_bound():
    one, other = list(range(10 * MOST)), list(range(1, 10 * MOST + 1))
    assert len(list(differences(one, other))) == MOST - 1


def test_deep_documents_need_no_stack():
    one, other = 1, 2
    for _ in range(1500):
        one, other = [one], [other]
    assert list(differences(one, other)) == ["$" + "[*]" * 1500]
