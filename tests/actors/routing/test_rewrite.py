"""Rewrites: which part of a path is replaced, and that nothing gets out of what it was sent to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.rule import MatchKind, Rewrite, RouteMatch, StringMatch
from plait.actors.routing.regex import MOST, BadPattern, substitute
from plait.actors.routing.rewrite import path_rewrite

EXACT, PREFIX, REGEX, _ = MatchKind


def rewritten(path, rewrite, kind=None, value=""):
    match = RouteMatch(uri=None if kind is None else StringMatch(kind, value))
    change = path_rewrite(rewrite, match)
    return path if change is None else change(path)


@pytest.mark.parametrize(
    ("kind", "value", "uri", "path", "expected"),
    [
        (EXACT, "/foo", "/new/path", "/foo", "/new/path"),
        (PREFIX, "/foo/", "/new/", "/foo/bar", "/new/bar"),
        (PREFIX, "/foo", "/new", "/foo/bar", "/new/bar"),
        (PREFIX, "/foo", "/new", "/foobar", "/newbar"),
        (PREFIX, "/foo", "/", "/foo", "/"),
        (PREFIX, "/foo", "/", "/foo/bar", "/bar"),
        (PREFIX, "/", "/base/", "/bar", "/base/bar"),
        (PREFIX, "", "/base", "/bar", "/base/bar"),
        (REGEX, "/a.*", "/new", "/abc", "/new"),
        (None, "", "/", "/kept", "/kept"),
        (None, "", "/base/", "/kept", "/base/kept"),
        (PREFIX, "/foo", "new", "/foo/bar", "/new/bar"),
        (PREFIX, "/api", "/public/", "/api../secret", "/secret"),
        (PREFIX, "/api", "/", "/api../../etc", "/etc"),
    ],
)
def test_the_matched_prefix_is_replaced_or_the_whole_path(kind, value, uri, path, expected):
    assert rewritten(path, Rewrite(uri=uri), kind, value) == expected


def test_a_prefix_that_matched_in_any_case_is_replaced_all_the_same():
    match = RouteMatch(uri=StringMatch(PREFIX, "/Foo"), ignore_uri_case=True)
    assert path_rewrite(Rewrite(uri="/new"), match)("/FOO/x") == "/new/x"


def test_a_rewrite_of_the_authority_alone_leaves_the_path():
    assert path_rewrite(Rewrite(authority="a"), RouteMatch()) is None


@pytest.mark.parametrize(
    ("pattern", "substitution", "path", "expected"),
    [
        (r"^/service/([^/]+)(/.*)$", r"\2/instance/\1", "/service/foo/v1/api", "/v1/api/instance/foo"),
        ("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
        ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
        ("a+", r"<\0>", "/aab/a", "/<aa>b/<a>"),
        ("(x)|(y)", r"[\1\2]", "/xy", "/[x][y]"),
        ("b", r"\\", "/b", "/\\"),
        ("z", "y", "/none", "/none"),
        ("^/a", "", "/a", "/"),
        ("^/a", "b", "/a/c", "/b/c"),
        ("^/a", "/..", "/a/c", "/c"),
    ],
)
def test_a_regex_replaces_every_match(pattern, substitution, path, expected):
    assert rewritten(path, Rewrite(regex=pattern, substitution=substitution)) == expected


@pytest.mark.parametrize(
    ("pattern", "substitution", "text", "expected"),
    [
        ("b", "bb", "ababababab", "abbabbabbabbabb"),
        ("b*", "bb", "aaaaa", "bbabbabbabbabbabb"),
        ("b*", "bb", "bbb", "bb"),
        ("^a", "x", "aaa", "xaa"),
        ("", "-", "ab", "-a-b-"),
        ("(x)?(y)", r"\1<\2>", "y", "<y>"),
        (r"%2F", "/", "a%2Fb", "a/b"),
    ],
)
def test_matches_are_replaced_as_re2_does(pattern, substitution, text, expected):
    assert substitute(pattern, substitution)(text) == expected


def test_a_path_from_outside_cannot_make_a_rewrite_long():
    text = "a" * 8000
    assert substitute("a[^b]*b|a", "x")(text) == "x" * MOST + text[MOST:]


BITS = st.lists(st.sampled_from(["/", ".", "..", "a", "%2F", "b"]), max_size=8).map("".join)


@given(BITS, BITS, BITS)
def test_whatever_is_rewritten_is_a_plain_path_below_the_root(prefix, rest, uri):
    path = rewritten(f"/{prefix}{rest}", Rewrite(uri=uri or "/"), PREFIX, f"/{prefix}")
    assert path.startswith("/")
    assert "//" not in path
    assert not {".", ".."} & set(path.split("/"))


@pytest.mark.parametrize(
    ("pattern", "substitution", "words"),
    [
        ("(?=a)", "", "not a valid RE2 pattern"),
        ("(a)", r"\2", "names group 2, the pattern has 1"),
        ("a", r"\x", r"holds \\x"),
        ("a", "b\\", "ends in a single backslash"),
        ("a" * 1025, "", "1024 are allowed"),
    ],
)
def test_a_bad_pattern_or_substitution_is_told(pattern, substitution, words):
    with pytest.raises(BadPattern, match=words):
        substitute(pattern, substitution)
