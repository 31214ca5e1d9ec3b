"""Rewrites, redirects, own answers, header changes and CORS: what each field becomes, and how mistakes are told."""

# ruff: noqa: E501 (the tables below are read by the line)

import pytest

from plait.actors.messages.rule import (
    Cors,
    DirectResponse,
    HeaderChange,
    MatchKind,
    Redirect,
    Rewrite,
    StringMatch,
)

ROUTE = "    route:\n    - destination: {host: reviews}\n"
EXACT, PREFIX, REGEX, _ = MatchKind
STAR = (StringMatch(EXACT, "*"),)


def translation_of(translated, field, route=ROUTE):
    return translated(f"  hosts: [reviews]\n  http:\n  - name: r\n    {field}\n{route}")


def rewrite(**given):
    return "rewrite", Rewrite(**given)


def change(*given):
    return "request_headers", HeaderChange(*given)


def cors(**given):
    return "cors", Cors(**({"origins": STAR} | given))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("timeout: 1s", ("rewrite", None)),
        ("rewrite: {uri: /a}", rewrite(uri="/a")),
        ("rewrite: {uri: /, authority: b}", rewrite(uri="/", authority="b")),
        ("rewrite: {authority: 'B.example:8080'}", rewrite(authority="B.example:8080")),
        ("rewrite: {authority: '[::1]:80'}", rewrite(authority="[::1]:80")),
        (r"rewrite: {uriRegexRewrite: {match: '^/(a)', rewrite: '/b/\1'}}", rewrite(regex="^/(a)", substitution=r"/b/\1")),
        ("rewrite: {uriRegexRewrite: {match: a, rewrite: ''}}", rewrite(regex="a", substitution="")),
        ("timeout: 1s", ("request_headers", None)),
        ("headers: {}", ("request_headers", None)),
        ("headers: {response: {}}", ("request_headers", None)),
        ("headers: {request: {}}", change()),
        ("headers: {request: {set: {}, add: {}, remove: []}}", change()),
        ("headers: {request: {set: {X-A: b}}}", change((("x-a", "b"),))),
        ("headers: {request: {set: {x-a: ''}}}", change((("x-a", ""),))),
        ("headers: {request: {add: {x-a: b, x-b: c}}}", change((), (("x-a", "b"), ("x-b", "c")))),
        ("headers: {request: {remove: [X-A, x-b]}}", change((), (), ("x-a", "x-b"))),
        ("headers: {request: {set: {Host: a}}}", change((("host", "a"),))),
        ("headers: {request: {add: {':authority': a}}}", change((), ((":authority", "a"),))),
        ("headers: {request: {set: {x: '100%%'}}}", change((("x", "100%"),))),
        ("headers: {response: {set: {x: y}, remove: [z]}}", ("response_headers", HeaderChange((("x", "y"),), (), ("z",)))),
        ("timeout: 1s", ("cors", None)),
        ("corsPolicy: {allowOrigins: [{exact: '*'}]}", cors()),
        ("corsPolicy: {allowOrigins: [{exact: a}, {prefix: b}, {regex: c.*}]}", cors(origins=(StringMatch(EXACT, "a"), StringMatch(PREFIX, "b"), StringMatch(REGEX, "c.*")))),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], allowMethods: [POST, GET]}", cors(methods=("POST", "GET"))),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], allowHeaders: [X-Foo-Bar, '*']}", cors(headers=("X-Foo-Bar", "*"))),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], exposeHeaders: [X-A]}", cors(expose=("X-A",))),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], maxAge: 24h}", cors(max_age=86400.0)),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], maxAge: 0s}", cors(max_age=0.0)),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], allowCredentials: false}", cors(credentials=False)),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], allowCredentials: true}", cors(credentials=True)),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], unmatchedPreflights: UNSPECIFIED}", cors()),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], unmatchedPreflights: FORWARD}", cors(forward_unmatched=True)),
        ("corsPolicy: {allowOrigins: [{exact: '*'}], unmatchedPreflights: IGNORE}", cors(forward_unmatched=False)),
    ],
)  # fmt: skip
def test_a_field_of_a_route_that_sends_on_is_what_is_written_and_unset_is_told_from_zero(translated, field, expected):
    translation = translation_of(translated, field)
    assert (translation.problems, translation.warnings) == ((), ())
    attribute, value = expected
    assert getattr(translation.rule.routes[0], attribute) == value


def redirect(**given):
    return "redirect", Redirect(**given)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("redirect: {uri: /a}", redirect(uri="/a")),
        ("redirect: {uri: '/a?b=c'}", redirect(uri="/a?b=c")),
        ("redirect: {prefixRewrite: /a/}", redirect(prefix_rewrite="/a/")),
        ("redirect: {authority: 'b:81'}", redirect(authority="b:81")),
        ("redirect: {scheme: https}", redirect(scheme="https")),
        ("redirect: {port: 8443}", redirect(port=8443)),
        ("redirect: {derivePort: FROM_REQUEST_PORT}", redirect(derive_port="FROM_REQUEST_PORT")),
        ("redirect: {derivePort: FROM_PROTOCOL_DEFAULT}", redirect(derive_port="FROM_PROTOCOL_DEFAULT")),
        ("redirect: {uri: /a, redirectCode: 308}", redirect(uri="/a", code=308)),
        ("directResponse: {status: 503}", ("direct", DirectResponse(503))),
        ("directResponse: {status: 200, body: {}}", ("direct", DirectResponse(200))),
        ("directResponse: {status: 200, body: {string: ''}}", ("direct", DirectResponse(200))),
        ("directResponse: {status: 200, body: {string: grüß}}", ("direct", DirectResponse(200, "grüß".encode()))),
        ("directResponse: {status: 200, body: {bytes: AAH/}}", ("direct", DirectResponse(200, b"\0\1\xff"))),
        ("directResponse: {status: 200, body: {bytes: ''}}", ("direct", DirectResponse(200))),
    ],
)
def test_a_field_of_a_route_that_answers_is_what_is_written(translated, field, expected):
    translation = translation_of(translated, field, "")
    assert (translation.problems, translation.warnings) == ((), ())
    attribute, value = expected
    assert getattr(translation.rule.routes[0], attribute) == value
    assert translation.rule.routes[0].destinations == ()


def test_destinations_have_changes_of_their_own(translated):
    route = (
        "    route:\n    - destination: {host: a}\n      headers: {request: {set: {x: '1'}}, response: {remove: [y]}}\n"
    )
    (goal,) = translation_of(translated, "timeout: 1s", route).rule.routes[0].destinations
    assert goal.request_headers == HeaderChange((("x", "1"),))
    assert goal.response_headers == HeaderChange(remove=("y",))


BAD = "invalid_value"


@pytest.mark.parametrize(
    ("field", "path", "code", "words"),
    [
        ("rewrite: {}", "rewrite", "required", "needs its uri, authority or uriRegexRewrite"),
        ("rewrite: {uri: ''}", "rewrite.uri", BAD, "an empty path"),
        ("rewrite: {uri: /a b}", "rewrite.uri", BAD, "no path may hold"),
        ("rewrite: {uri: '/a#b'}", "rewrite.uri", BAD, "no path may hold"),
        ("rewrite: {uri: '/ä'}", "rewrite.uri", BAD, "no path may hold"),
        ("rewrite: {uri: '/a?b=c'}", "rewrite.uri", BAD, "has no query"),
        ("rewrite: {uri: 5}", "rewrite.uri", "invalid_type", "expected a text"),
        ("rewrite: {authority: ''}", "rewrite.authority", BAD, "no host with an optional port"),
        ("rewrite: {authority: 'http://a'}", "rewrite.authority", BAD, "no host with an optional port"),
        (r'rewrite: {authority: "a\r\nx: y"}', "rewrite.authority", BAD, "no host with an optional port"),
        ("rewrite: {uri: /a, uriRegexRewrite: {match: a, rewrite: b}}", "rewrite.uriRegexRewrite", BAD, "exclude each other"),
        ("rewrite: {uriRegexRewrite: {rewrite: b}}", "rewrite.uriRegexRewrite.match", "required", "needs its match"),
        ("rewrite: {uriRegexRewrite: {match: '(?=a)', rewrite: b}}", "rewrite.uriRegexRewrite.match", BAD, "not a valid RE2"),
        (r"rewrite: {uriRegexRewrite: {match: a, rewrite: '\1'}}", "rewrite.uriRegexRewrite.rewrite", BAD, "names group 1"),
        ("rewrite: {uriRegexRewrite: {match: a, rewrite: b c}}", "rewrite.uriRegexRewrite.rewrite", BAD, "no path may hold"),
        ("rewrite: {path: /a}", "rewrite.path", "unknown_field", "'path'"),
        ("rewrite: {uriRegexRewrite: {match: a}}", "rewrite.uriRegexRewrite.rewrite", "required", "needs its rewrite"),
        ("headers: {request: {set: {':authority': a, Host: b}}}", "headers.request.set.Host", BAD, "set twice"),
        ("headers: {request: {set: {':path': /a}}}", 'headers.request.set[":path"]', BAD, "only a request's authority"),
        ("headers: {response: {set: {':status': '200'}}}", 'headers.response.set[":status"]', BAD, "no answer has it"),
        ("headers: {response: {add: {host: a}}}", "headers.response.add.host", BAD, "no answer has it"),
        ("headers: {request: {set: {x: 'abc%123'}}}", "headers.request.set.x", BAD, "a single '%'"),
        ("headers: {request: {set: {x: '%START_TIME%%'}}}", "headers.request.set.x", BAD, "a single '%'"),
        ("headers: {set: {x: y}}", "headers.set", "unknown_field", "'set'"),
        ("headers: {request: {append: {x: y}}}", "headers.request.append", "unknown_field", "'append'"),
        ("headers: {request: {set: {'a b': c}}}", 'headers.request.set["a b"]', BAD, "no header name"),
        ("headers: {request: {set: {x: 5}}}", "headers.request.set.x", "invalid_type", "expected a text"),
        (r'headers: {request: {set: {x: "a\nb"}}}', "headers.request.set.x", BAD, "control character"),
        ("headers: {response: {add: {x: →}}}", "headers.response.add.x", BAD, "no header can hold"),
        ("headers: {request: {set: {X-A: a, x-a: b}}}", "headers.request.set.x-a", BAD, "twice"),
        ("headers: {request: {set: {host: 'a b'}}}", "headers.request.set.host", BAD, "no host with an optional port"),
        ("headers: {request: {remove: ['a b']}}", "headers.request.remove[0]", BAD, "no header name"),
        ("headers: {request: {remove: x}}", "headers.request.remove", "invalid_type", "expected a list"),
        ("corsPolicy: {allowOrigins: [a]}", "corsPolicy.allowOrigins[0]", "invalid_type", "expected a mapping"),
        ("corsPolicy: {allowOrigins: [{}]}", "corsPolicy.allowOrigins[0]", "required", "one of exact, prefix and regex"),
        ("corsPolicy: {allowOrigins: [{exact: ''}]}", "corsPolicy.allowOrigins[0]", "required", "not empty"),
        ("corsPolicy: {allowOrigins: [{exact: a}], allowMethods: [PUTT]}", "corsPolicy.allowMethods[0]", BAD, "no method of HTTP"),
        ("corsPolicy: {allowOrigins: [{exact: a}], maxAge: 1.5s}", "corsPolicy.maxAge", BAD, "whole seconds"),
        ("corsPolicy: {allowOrigins: [{regex: '('}]}", "corsPolicy.allowOrigins[0].regex", BAD, "not a valid RE2"),
        ("corsPolicy: {allowOrigins: [{exact: a}], allowMethods: ['G T']}", "corsPolicy.allowMethods[0]", BAD, "no method of HTTP"),
        ("corsPolicy: {allowOrigins: [{exact: a}], allowHeaders: ['a:b']}", "corsPolicy.allowHeaders[0]", BAD, "no header name"),
        ("corsPolicy: {allowOrigins: [{exact: a}], exposeHeaders: ['']}", "corsPolicy.exposeHeaders[0]", BAD, "no header name"),
        ("corsPolicy: {allowOrigins: [{exact: a}], maxAge: 86400}", "corsPolicy.maxAge", BAD, "bare number"),
        ("corsPolicy: {allowOrigins: [{exact: a}], allowCredentials: 'true'}", "corsPolicy.allowCredentials", "invalid_type", "true or false"),
        ("corsPolicy: {allowOrigins: [{exact: a}], unmatchedPreflights: DROP}", "corsPolicy.unmatchedPreflights", BAD, "none of the known values"),
        ("corsPolicy: {origins: []}", "corsPolicy.origins", "unknown_field", "'origins'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_once_with_its_place(translated, field, path, code, words):
    translation = translation_of(translated, field)
    assert translation.rule is None
    (problem,) = translation.problems
    assert (problem.code, problem.path, problem.line) == (code, f"$.spec.http[0].{path}", 9)
    assert words in problem.message


@pytest.mark.parametrize(
    ("field", "path", "code", "words"),
    [
        ("redirect: {}", "redirect", "required", "needs its uri, authority, scheme or port"),
        ("redirect: {redirectCode: 302}", "redirect", "required", "needs its uri"),
        ("redirect: {uri: ''}", "redirect.uri", BAD, "an empty path"),
        ("redirect: {uri: '/a b'}", "redirect.uri", BAD, "no path may hold"),
        ("redirect: {uri: '/a?b c'}", "redirect.uri", BAD, "no path may hold"),
        (r'redirect: {uri: "/a\r\nx: y"}', "redirect.uri", BAD, "no path may hold"),
        ("redirect: {uri: /a, prefixRewrite: /b}", "redirect.prefixRewrite", BAD, "exclude each other"),
        ("{match: [{uri: {exact: /a}}], redirect: {prefixRewrite: /b}}", "redirect.prefixRewrite", BAD, "of a uri prefix"),
        ("redirect: {authority: 'a/b'}", "redirect.authority", BAD, "no host"),
        ("redirect: {scheme: ''}", "redirect.scheme", BAD, "neither http nor https"),
        ("redirect: {scheme: ftp}", "redirect.scheme", BAD, "neither http nor https"),
        ("{route: [{destination: {host: a}}], rewrite: {authority: a}, headers: {request: {set: {Host: b}}}}", "headers.request.set.Host", BAD, "the rewrite sets the authority already"),
        ("redirect: {port: 0}", "redirect.port", BAD, "less than 1"),
        ("redirect: {port: 80, derivePort: FROM_REQUEST_PORT}", "redirect.derivePort", BAD, "exclude each other"),
        ("redirect: {derivePort: FROM_HOST}", "redirect.derivePort", BAD, "none of the known values"),
        ("redirect: {uri: /a, redirectCode: 0}", "redirect.redirectCode", BAD, "0 does not redirect"),
        ("redirect: {uri: /a, redirectCode: 200}", "redirect.redirectCode", BAD, "200 does not redirect"),
        ("redirect: {host: a}", "redirect.host", "unknown_field", "'host'"),
        ("directResponse: {}", "directResponse.status", "required", "needs its status"),
        ("directResponse: {status: 0}", "directResponse.status", BAD, "less than 200"),
        ("directResponse: {status: 600}", "directResponse.status", BAD, "more than 599"),
        ("directResponse: {status: 200, body: hello}", "directResponse.body", "invalid_type", "expected a mapping"),
        ("directResponse: {status: 200, body: {string: a, bytes: YQ==}}", "directResponse.body", BAD, "only one of"),
        ("directResponse: {status: 200, body: {bytes: 'no base64!'}}", "directResponse.body.bytes", BAD, "no base64"),
        ("{redirect: {uri: /a}, route: [{destination: {host: a}}]}", "route", BAD, "redirect and route exclude"),
        ("{redirect: {uri: /a}, rewrite: {uri: /b}}", "rewrite", BAD, "redirect and rewrite exclude"),
        ("{redirect: {uri: /a}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}}", "fault", BAD, "redirect and fault exclude"),
        ("{redirect: {uri: /a}, directResponse: {status: 200}}", "directResponse", BAD, "redirect and directResponse exclude"),
        ("{directResponse: {status: 200}, route: [{destination: {host: a}}]}", "route", BAD, "directResponse and route exclude"),
        ("{directResponse: {status: 200}, rewrite: {uri: /b}}", "rewrite", BAD, "directResponse and rewrite exclude"),
        ("{directResponse: {status: 200}, fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}}}", "fault", BAD, "directResponse and fault exclude"),
    ],
)  # fmt: skip
def test_a_mistake_of_a_whole_route_is_told_once_with_its_place(translated, field, path, code, words):
    one = field if field.startswith("{") else f"{{{field}}}"
    (problem,) = translated(f"  hosts: [reviews]\n  http:\n  - {one}\n").problems
    assert (problem.code, problem.path, problem.line) == (code, f"$.spec.http[0].{path}", 8)
    assert words in problem.message


@pytest.mark.parametrize(
    ("field", "path", "code", "words"),
    [
        ("rewrite: {uri: a}", "rewrite.uri", "no_effect", "taken for '/a'"),
        ("headers: {request: {remove: [Host]}}", "headers.request.remove[0]", "no_effect", "cannot be removed"),
        ("headers: {request: {remove: [':method']}}", "headers.request.remove[0]", "no_effect", "cannot be removed"),
        ("headers: {request: {set: {':authority': a}, add: {Host: b}}}", "headers.request.add.Host", "no_effect", "counts alone"),
        ("headers: {request: {set: {Content-Length: '1'}}}", "headers.request.set.Content-Length", "no_effect", "each connection"),
        ("headers: {response: {remove: [connection]}}", "headers.response.remove[0]", "no_effect", "each connection"),
        ("headers: {request: {set: {traceparent: x}}}", "headers.request.set.traceparent", "no_effect", "the mesh itself"),
        ("headers: {request: {set: {x: '%REQ(y)%'}}}", "headers.request.set.x", "no_effect", "Envoy's variables"),
        ("corsPolicy: {}", "corsPolicy", "no_effect", "does nothing"),
        ("corsPolicy: {allowOrigin: [a]}", "corsPolicy.allowOrigin", "deprecated", "deprecated"),
    ],
)  # fmt: skip
def test_what_does_less_than_it_says_is_a_warning(translated, field, path, code, words):
    translation = translation_of(translated, field)
    assert translation.rule is not None
    (warning,) = translation.warnings
    assert (warning.code, warning.path) == (code, f"$.spec.http[0].{path}")
    assert words in warning.message


def test_the_deprecated_list_of_origins_counts_alone_and_not_beside_the_new_one(translated):
    old = translation_of(translated, "corsPolicy: {allowOrigin: [a, '*']}").rule.routes[0].cors
    assert old.origins == (StringMatch(EXACT, "a"), StringMatch(EXACT, "*"))
    both = translation_of(translated, "corsPolicy: {allowOrigin: [a], allowOrigins: [{exact: b}]}")
    assert both.rule.routes[0].cors.origins == (StringMatch(EXACT, "b"),)
    assert [one.code for one in both.warnings] == ["deprecated", "no_effect"]
