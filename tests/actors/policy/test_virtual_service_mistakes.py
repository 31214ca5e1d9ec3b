"""How mistakes in a VirtualService are told: each once, with its place; and what has no effect."""

# ruff: noqa: E501 (the tables below are read by the line)

import pytest

from plait.actors.messages.rule import (
    MatchKind,
)

ROUTE = "    route:\n    - destination: {host: reviews}\n"
EXACT, PREFIX, REGEX, PRESENT = MatchKind

PROBLEMS = [
    ("timeout: 5", "timeout", "invalid_value", "bare number", 'write "5s"'),
    ("timeout: fast", "timeout", "invalid_value", "no duration", "such as"),
    ("timeout: -1s", "timeout", "invalid_value", "no duration", ""),
    ("timeout: 0.1ms", "timeout", "invalid_value", "shorter than 1ms", ""),
    ("timeout: {seconds: 1, nanos: 500000000}", "timeout", "invalid_value", "not a mapping", 'write "1.5s"'),
    ("timout: 5s", "timout", "unknown_field", "'timout'", "$.spec.http[0].timeout"),
    ("colour: red", "colour", "unknown_field", "'colour'", "fields: name, match, route, timeout, retries, fault"),
    ("retries: {attempts: -1}", "retries.attempts", "invalid_value", "less than 0", ""),
    ("retries: {attempts: '3'}", "retries.attempts", "invalid_type", "a whole number", "without quotes"),
    ("retries: {attempts: true}", "retries.attempts", "invalid_type", "found true", ""),
    ("retries: {perTryTimeout: 0s}", "retries.perTryTimeout", "invalid_value", "shorter than 1ms", ""),
    ("retries: {retryOn: 'conect-failure'}", "retries.retryOn", "invalid_value", "no retry condition", "connect-failure"),
    ("retries: {retryOn: '42'}", "retries.retryOn", "invalid_value", "no retry condition", ""),
    ("retries: {retryRemoteLocalities: 1}", "retries.retryRemoteLocalities", "invalid_type", "true or false", ""),
    ("retries: {attempts: 0, retryOn: 5xx}", "retries.attempts", "invalid_value", "turns retries off", "attempts: 1"),
    ("retries: {attempts: 0, perTryTimeout: 1s}", "retries.attempts", "invalid_value", "turns retries off", ""),
    ("retries: {retryOn: '600'}", "retries.retryOn", "invalid_value", "no retry condition", ""),
    ("fault: {delay: {percentage: {value: 1}}}", "fault.delay.fixedDelay", "required", "needs its fixedDelay", ""),
    ("fault: {delay: {fixedDelay: 0s}}", "fault.delay.fixedDelay", "invalid_value", "shorter than 1ms", ""),
    ("fault: {abort: {percentage: {value: 1}}}", "fault.abort.httpStatus", "required", "needs its httpStatus", ""),
    ("fault: {abort: {httpStatus: 99}}", "fault.abort.httpStatus", "invalid_value", "less than 200", "from 200 to 599"),
    ("fault: {abort: {httpStatus: 600}}", "fault.abort.httpStatus", "invalid_value", "more than 599", ""),
    ("fault: {abort: {httpStatus: 500, percentage: {value: 101}}}", "fault.abort.percentage.value", "invalid_value", "more than 100", ""),
    ("fault: {abort: {httpStatus: 500, percentage: 50}}", "fault.abort.percentage", "invalid_type", "expected a mapping, found the number 50", ""),
    ("fault: {abort: {grpcStatus: UNAVAILBLE}}", "fault.abort.grpcStatus", "invalid_value", "no status of gRPC", "UNAVAILABLE"),
    ("fault: {abort: {grpcStatus: '14'}}", "fault.abort.grpcStatus", "invalid_value", "no status of gRPC", ""),
    ("fault: {abort: {grpcStatus: OK, httpStatus: 200}}", "fault.abort.grpcStatus", "invalid_value", "exclude each other", ""),
    ("fault: {delay: {fixedDelay: 1s, percent: 101}}", "fault.delay.percent", "invalid_value", "more than 100", ""),
    ("fault: {delay: {fixedDelay: 1s, percent: 0.5}}", "fault.delay.percent", "invalid_type", "whole number", ""),
    ("fault: {}", "fault", "required", "its delay, its abort or both", ""),
    ("fault: {abort: {httpStatus: 500, percentage: {value: 0.00001}}}", "fault.abort.percentage.value", "invalid_value", "less than 0.0001", "0 is none"),
    ("fault: {delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}", "fault.delay.percentage.value", "invalid_value", "less than 0.0001", "0 is none"),
    ("fault: {abort: {http2Error: X}}", "fault.abort.http2Error", "unsupported_field", "cannot be honoured", ""),
    ("match: {uri: {exact: /a}}", "match", "invalid_type", "expected a list", "'- '"),
    ("match: [{uri: /a}]", "match[0].uri", "invalid_type", "expected a mapping", ""),
    ("match: [{uri: {}}]", "match[0].uri", "required", "one of exact, prefix and regex", ""),
    ("match: [{uri: {exact: /a, prefix: /a}}]", "match[0].uri", "invalid_value", "only one of", ""),
    ("match: [{uri: {exact: 5}}]", "match[0].uri.exact", "invalid_type", "expected a text", 'in quotes: "5"'),
    ("match: [{uri: {regex: '(?=a)'}}]", "match[0].uri.regex", "invalid_value", "not a valid RE2 pattern", ""),
    (f"match: [{{uri: {{regex: {'a' * 1025}}}}}]", "match[0].uri.regex", "invalid_value", "1024 are allowed", ""),
    ("match: [{path: /a}]", "match[0].path", "unknown_field", "'path'", "$.spec.http[0].match[0].uri"),
    ("match: [{headers: {x: {prefix: ''}}}]", "match[0].headers.x.prefix", "invalid_value", "empty prefix", "presence"),
    ("match: [{headers: {'a b': {}}}]", 'match[0].headers["a b"]', "invalid_value", "no header name", ""),
    ("match: [{headers: {x: yes}}]", "match[0].headers.x", "invalid_type", "expected a mapping", ""),
    ("match: [{headers: {'@request.auth.claims.a': {exact: b}}}]", 'match[0].headers["@request.auth.claims.a"]', "unsupported_value", "JWT", ""),
    ("match: [{port: 0}]", "match[0].port", "invalid_value", "less than 1", "from 1 to 65535"),
    ("match: [{statPrefix: 5}]", "match[0].statPrefix", "invalid_type", "expected a text", ""),
    ("match: [{ignoreUriCase: 'yes'}]", "match[0].ignoreUriCase", "invalid_type", "true or false", ""),
    ("match: [{timeout: 5s}]", "match[0].timeout", "unknown_field", "'timeout'", "$.spec.http[0].timeout"),
    ("mirror: {}", "mirror.host", "required", "needs a host", ""),
    ("mirrors: [{}]", "mirrors[0].destination", "required", "needs a destination", ""),
    ("mirrors: [{destination: {host: a}, percentage: {value: 101}}]", "mirrors[0].percentage.value", "invalid_value", "more than 100", ""),
    ("mirrors: [{destination: {host: a}, percent: 5}]", "mirrors[0].percent", "unknown_field", "'percent'", "percentage"),
    ("mirrors: [{destination: {host: a}, percentage: {value: 0.00001}}]", "mirrors[0].percentage.value", "invalid_value", "less than 0.0001", ""),
    ("mirrors: [{destination: {host: a, port: {}}}]", "mirrors[0].destination.port.number", "required", "a port needs its number", ""),
    ("mirrorPercent: -1", "mirrorPercent", "invalid_value", "less than 0", ""),
]  # fmt: skip


@pytest.mark.parametrize(("field", "path", "code", "words", "hint"), PROBLEMS)
def test_a_mistake_in_a_route_is_told_once_with_its_place(translated, field, path, code, words, hint):
    translation = translated(f"  hosts: [reviews]\n  http:\n  - name: r\n    {field}\n{ROUTE}")
    assert translation.rule is None
    (problem,) = translation.problems
    assert (problem.code, problem.path, problem.line) == (code, f"$.spec.http[0].{path}", 9)
    assert problem.document == "VirtualService/default/reviews"
    assert words in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("spec", "path", "code", "words"),
    [
        ("  gateways: [a]\n  http: [{route: [{destination: {host: a}}]}]\n", "gateways", "invalid_value", "is a delegate"),
        ("  http: [{delegate: {name: b}}]\n", "http[0].delegate", "invalid_value", "one level"),
        ("  hosts: [a]\n  http: [{delegate: {name: b}, route: [{destination: {host: a}}]}]\n", "http[0].route", "invalid_value", "exclude each other"),
        ("  hosts: [a]\n  http: [{delegate: {name: b}, redirect: {uri: /a}}]\n", "http[0].redirect", "invalid_value", "exclude each other"),
        ("  hosts: [a]\n  http: [{delegate: {}}]\n", "http[0].delegate.name", "required", "needs a name"),
        ("  hosts: [a]\n  http: [{delegate: {name: b/c}}]\n", "http[0].delegate", "invalid_value", "names no VirtualService"),
        ("  hosts: [a]\n", "http", "required", "at least one http route"),
        ("  hosts: [a]\n  http: []\n", "http", "required", "at least one http route"),
        ("  hosts: [a]\n  http: [{}]\n", "http[0].route", "required", "at least one destination"),
        ("  hosts: [a]\n  http: [{route: [{}]}]\n", "http[0].route[0].destination", "required", "a destination"),
        ("  hosts: [a]\n  http: [{route: [{destination: {}}]}]\n", "http[0].route[0].destination.host", "required", "host"),
        ("  hosts: ['*']\n  http: [{route: [{destination: {host: a}}]}]\n", "hosts[0]", "invalid_value", "not allowed inside the mesh"),
        ("  hosts: ['a.*.b']\n  http: [{route: [{destination: {host: a}}]}]\n", "hosts[0]", "invalid_value", "leftmost"),
        ("  hosts: ['a:80']\n  http: [{route: [{destination: {host: a}}]}]\n", "hosts[0]", "invalid_value", "no host name"),
        ("  hosts: ['']\n  http: [{route: [{destination: {host: a}}]}]\n", "hosts[0]", "invalid_value", "empty"),
        ("  hosts: [a, a.default]\n  http: [{route: [{destination: {host: a}}]}]\n", "hosts[1]", "invalid_value", "twice"),
        ("  hosts: [a]\n  gateways: [a/b/c]\n  http: [{route: [{destination: {host: a}}]}]\n", "gateways[0]", "invalid_value", "no gateway"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]\n", "http[0].route", "invalid_value", "total destination weight = 0"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}, weight: -1}]}]\n", "http[0].route[0].weight", "invalid_value", "less than 0"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a, port: 80}}]}]\n", "http[0].route[0].destination.port", "invalid_type", "expected a mapping"),
        ("  hosts: a\n  http: [{route: [{destination: {host: a}}]}]\n", "hosts", "invalid_type", "expected a list"),
        ("  host: [a]\n  http: [{route: [{destination: {host: a}}]}]\n", "host", "unknown_field", "'host'"),
        ("  hosts: [a]\n  tcp: []\n  http: [{route: [{destination: {host: a}}]}]\n", "tcp", "unsupported_field", "raw TCP"),
        ("  hosts: [a]\n  exportTo: ['a.b']\n  http: [{route: [{destination: {host: a}}]}]\n", "exportTo[0]", "invalid_value", "no namespace"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_virtual_service_is_told_once_with_its_place(translated, spec, path, code, words):
    (problem,) = translated(spec).problems
    assert (problem.code, problem.path) == (code, f"$.spec.{path}")
    assert words in problem.message


def test_both_forms_of_mirrors_exclude_each_other(translated):
    spec = "  hosts: [a]\n  http:\n  - mirror: {host: b}\n    mirrors: [{destination: {host: c}}]\n" + ROUTE
    (problem,) = translated(spec).problems
    assert (problem.code, problem.path) == ("invalid_value", "$.spec.http[0].mirrors")


def test_every_mistake_is_told(translated):
    spec = (
        "  hosts: ['a..b']\n  http:\n  - timeout: 5\n    retries: {attempts: -1}\n    tls: {}\n    route:\n"
        "    - destination: {hots: a}\n    - weight: x\n"
    )
    assert [(one.code, one.path, one.line) for one in translated(spec).problems] == [
        ("invalid_value", "$.spec.http[0].timeout", 8),
        ("invalid_value", "$.spec.http[0].retries.attempts", 9),
        ("unknown_field", "$.spec.http[0].tls", 10),
        ("unknown_field", "$.spec.http[0].route[0].destination.hots", 12),
        ("invalid_type", "$.spec.http[0].route[1].weight", 13),
        ("invalid_value", "$.spec.hosts[0]", 6),
        ("required", "$.spec.http[0].route[1].destination", 13),
    ]


@pytest.mark.parametrize(
    ("spec", "path", "code"),
    [
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], fault: {abort: {httpStatus: 500}}}]\n", "http[0].fault.abort", "no_effect"),
        ("  hosts: [a]\n  http: [{match: [{uri: {prefix: a}}], route: [{destination: {host: a}}]}]\n", "http[0].match[0].uri.prefix", "no_effect"),
        ("  hosts: [a]\n  http: [{match: [{gateways: [x]}], route: [{destination: {host: a}}]}]\n", "http[0].match[0].gateways[0]", "no_effect"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], mirrorPercentage: {value: 5}}]\n", "http[0].mirrorPercentage", "no_effect"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], mirror: {host: b}, mirrorPercentage: {}}]\n", "http[0].mirrorPercentage", "no_effect"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], mirror: {host: b}, mirrorPercent: 5}]\n", "http[0].mirrorPercent", "deprecated"),
        ("  hosts: [a]\n  http: [{redirect: {uri: /b}, mirror: {host: b}}]\n", "http[0].mirror", "no_effect"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], fault: {delay: {fixedDelay: 1s, percent: 5}}}]\n", "http[0].fault.delay.percent", "deprecated"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], fault: {abort: {grpcStatus: INTERNAL, percentage: {value: 5}}}}]\n", "http[0].fault.abort.grpcStatus", "approximated"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], retries: {retryOn: 'unavailable,cancelled,5xx'}}]\n", "http[0].retries.retryOn", "no_effect"),
        ("  hosts: [a]\n  http: [{route: [{destination: {host: a}}], retries: {retryOn: retriable-status-codes}}]\n", "http[0].retries.retryOn", "no_effect"),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_a_warning(translated, spec, path, code):
    translation = translated(spec)
    assert translation.rule is not None
    (warning,) = translation.warnings
    assert (warning.code, warning.path) == (code, f"$.spec.{path}")
