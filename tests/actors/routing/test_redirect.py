"""Where redirects lead: the parts that a rule does not name stay, ports as Istio and Envoy have them."""

import pytest

from plait.actors.messages.rule import MatchKind, Redirect, RouteMatch, StringMatch
from plait.actors.routing.redirect import Redirection

FOO = RouteMatch(uri=StringMatch(MatchKind.PREFIX, "/foo"))
DERIVED = {"derive_port": "FROM_REQUEST_PORT"}
DEFAULT = {"derive_port": "FROM_PROTOCOL_DEFAULT"}


@pytest.mark.parametrize(
    ("redirect", "request_", "expected"),
    [
        ({"uri": "/new/path"}, {}, "http://b/new/path?key=value"),
        ({"uri": "/new?x=1"}, {}, "http://b/new?x=1"),
        ({"uri": "/new", "scheme": "https", "port": 81}, {"authority": ""}, "/new?key=value"),
        ({"uri": "/new", "authority": "o"}, {"authority": ""}, "http://o/new?key=value"),
        ({"uri": "/new?"}, {}, "http://b/new"),
        ({"prefix_rewrite": "/new"}, {}, "http://b/new/bar?key=value"),
        ({"authority": "other.com"}, {}, "http://other.com/foo/bar?key=value"),
        ({"authority": "other.com"}, {"authority": "b:8080"}, "http://other.com/foo/bar?key=value"),
        ({"scheme": "https"}, {}, "https://b/foo/bar?key=value"),
        ({"scheme": "https"}, {"authority": "b:80"}, "https://b/foo/bar?key=value"),
        ({"scheme": "https"}, {"authority": "b:8080"}, "https://b:8080/foo/bar?key=value"),
        ({"port": 8443, "scheme": "https"}, {"authority": "b:80"}, "https://b:8443/foo/bar?key=value"),
        ({"port": 443, "scheme": "https"}, {}, "https://b/foo/bar?key=value"),
        ({"port": 80}, {}, "http://b/foo/bar?key=value"),
        ({"port": 81, "authority": "o"}, {}, "http://o:81/foo/bar?key=value"),
        ({"port": 81}, {"authority": "[::1]"}, "http://[::1]:81/foo/bar?key=value"),
        ({"port": 81}, {"authority": "[::1]:9"}, "http://[::1]:81/foo/bar?key=value"),
        ({"uri": "/foo", **DERIVED}, {"query": "", "port": 80}, "http://b/foo"),
        ({"uri": "/foo", **DERIVED}, {"query": "", "port": 80, "authority": "b:80"}, "http://b:80/foo"),
        ({"uri": "/foo", **DERIVED}, {"query": "", "port": 85}, "http://b:85/foo"),
        ({"uri": "/foo", **DERIVED}, {"query": "", "port": 85, "authority": "b:85"}, "http://b:85/foo"),
        ({"uri": "/foo", **DERIVED}, {"query": "", "authority": "b:8080"}, "http://b:8080/foo"),
        ({"uri": "/foo", "scheme": "https", **DERIVED}, {"query": ""}, "https://b:80/foo"),
        ({"uri": "/foo", "scheme": "https", **DERIVED}, {"query": "", "port": 80}, "https://b:80/foo"),
        ({"uri": "/foo", "scheme": "https", **DEFAULT}, {"query": "", "authority": "b:80"}, "https://b/foo"),
    ],
)
def test_a_location_has_what_the_rule_names_and_else_the_requests_own(request_of, redirect, request_, expected):
    view = request_of(**({"authority": "b", "path": "/foo/bar", "query": "key=value"} | request_))
    assert Redirection(Redirect(**redirect), FOO).location(view) == expected


def test_the_code_is_the_rules(request_of):
    assert Redirection(Redirect(uri="/"), FOO).status == 301
    assert Redirection(Redirect(uri="/", code=308), FOO).status == 308
