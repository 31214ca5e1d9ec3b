"""Paths have one normal form, and what cannot have one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.error_body import Refusal
from plait.gateway.path import normalise


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", "/"),
        (b"/a/b", "/a/b"),
        (b"/a/b/", "/a/b/"),
        (b"/A/b.c", "/A/b.c"),
        (b"/a/./b", "/a/b"),
        (b"/a/../b", "/b"),
        (b"/a/%2e%2e/b", "/b"),
        (b"/a/%2E./b", "/b"),
        (b"/a/.%2e/b", "/b"),
        (b"/..", "/"),
        (b"/../../etc/passwd", "/etc/passwd"),
        (b"/a/..", "/"),
        (b"/a/b/..", "/a/"),
        (b"/a/.", "/a/"),
        (b"/a/...", "/a/..."),
        (b"/.well-known/x", "/.well-known/x"),
        (b"/a//b", "/a/b"),
        (b"//b", "/b"),
        (b"//evil.example/b", "/evil.example/b"),
        (b"/a//../b", "/a/b"),
        (b"/a\\..\\b", "/b"),
        (b"/a\\b", "/a/b"),
        (b"/a/%2Fb", "/a/%2Fb"),
        (b"/a%2f..%2fb", "/a%2F..%2Fb"),
        (b"/a/%5c../b", "/a/%5C../b"),
        (b"/%252e%252e/b", "/%252e%252e/b"),
        (b"/%61dmin", "/admin"),
        (b"/a%20b", "/a%20b"),
        (b"/a+b", "/a+b"),
        (b"/a/..;/b", "/a/..;/b"),
        (b"/%c0%ae/b", "/%C0%AE/b"),
        (b"/a*<>|\"{}`^'", "/a*<>|\"{}`^'"),
    ],
)
def test_a_path_takes_its_normal_form(target, path):
    assert normalise(target) == (path, "")


@pytest.mark.parametrize(
    "target",
    [
        b"/a%00b",
        b"/a%0ab",
        b"/a%0D%0aX:y",
        b"/a\x00b",
        b"/a\rb",
        b"/a\nb",
        b"/a b",
        b"/a\tb",
        b"/a\x7fb",
        b"/\xc3\xa9",
        b"/#x",
        b"/a?b#x",
        b"/a/%",
        b"/a/%z",
        b"/a/%zz",
        b"/a/%2",
        b"/a/%+1",
        b"/a?b c",
        b"/a?\xff",
    ],
)
def test_a_path_that_cannot_be_trusted_is_refused(target):
    with pytest.raises(Refusal) as refused:
        normalise(target)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("target", "query"),
    [(b"/a?x=../b", "x=../b"), (b"/a?", ""), (b"/a?b?c", "b?c"), (b"/?%00%zz+//\\", "%00%zz+//\\")],
)
def test_a_query_stays_as_it_was_written(target, query):
    assert normalise(target)[1] == query


@given(st.lists(st.sampled_from([b"a", b".", b"..", b"/", b"\\", b"%2e", b"%2F", b"%5c", b"%25", b"%41", b";", b"x"])))
def test_a_normal_path_is_its_own_normal_form(pieces):
    path, _ = normalise(b"/" + b"".join(pieces))
    assert normalise(path.encode()) == (path, "")
    assert path.startswith("/")
    assert "//" not in path
    assert not {".", ".."} & set(path.split("/"))


@given(st.binary(max_size=40))
def test_any_bytes_give_a_path_or_a_refusal(tail):
    try:
        path, query = normalise(b"/" + tail)
    except Refusal:
        return
    assert all(0x21 <= ord(char) < 0x7F for char in path + query)
