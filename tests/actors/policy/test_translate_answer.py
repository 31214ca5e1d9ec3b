"""Routes that answer by themselves: what they leave idle, large and forbidden bodies, redirects to HTTPS."""

import base64

import pytest

from plait.actors.messages.rule import (
    MatchKind,
    Server,
    StringMatch,
)
from plait.actors.policy.istio_route_action import HTTPBody, HTTPDirectResponse
from plait.actors.policy.problem import Report
from plait.actors.policy.scalar import Base64
from plait.actors.policy.translate_route_action import route_answer

ROUTE = "    route:\n    - destination: {host: reviews}\n"
EXACT, PREFIX, REGEX, _ = MatchKind
STAR = (StringMatch(EXACT, "*"),)


def translation_of(translated, field, route=ROUTE):
    return translated(f"  hosts: [reviews]\n  http:\n  - name: r\n    {field}\n{route}")


BAD = "invalid_value"


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("timeout: 1s", "timeout"),
        ("retries: {attempts: 1}", "retries"),
        ("headers: {request: {set: {a: b}}}", "headers.request"),
    ],
)
@pytest.mark.parametrize("answer", ["redirect: {uri: /a}", "directResponse: {status: 200}"])
def test_what_sends_nothing_on_says_what_it_leaves_idle(translated, answer, field, path):
    translation = translated(f"  hosts: [reviews]\n  http:\n  - {{{answer}, {field}}}\n")
    assert [(one.code, one.path) for one in translation.warnings] == [("no_effect", f"$.spec.http[0].{path}")]


@pytest.mark.parametrize(
    ("form", "size", "problems", "warnings"),
    [
        ("string", 102_400, [], []),
        ("string", 102_401, [], ["large"]),
        ("bytes", 102_400, [], []),
        ("bytes", 102_401, [], ["large"]),
    ],
)
def test_a_large_body_is_warned_of_and_a_very_large_one_is_refused(translated, form, size, problems, warnings):
    body = "a" * size if form == "string" else base64.b64encode(b"a" * size).decode()
    spec = f"  hosts: [reviews]\n  http:\n  - directResponse: {{status: 200, body: {{{form}: {body}}}}}\n"
    translation = translated(spec)
    assert [one.code for one in translation.problems] == problems
    assert [one.code for one in translation.warnings] == warnings


def test_a_body_of_more_than_a_megabyte_is_refused():
    report = Report("VirtualService/default/a")
    body = HTTPBody(string="a" * (2**20 + 1))
    route_answer(HTTPDirectResponse(200, body), ("spec",), report)
    assert [(one.code, one.path) for one in report.problems] == [("invalid_value", "$.spec.body")]
    report = Report("VirtualService/default/a")
    route_answer(HTTPDirectResponse(200, HTTPBody(bytes=Base64(2**20))), ("spec",), report)
    assert (report.problems, [one.code for one in report.warnings]) == ([], ["large"])


def test_a_body_that_its_status_forbids_is_warned_of(translated):
    translation = translated("  hosts: [a]\n  http:\n  - directResponse: {status: 204, body: {string: a}}\n")
    assert [one.path for one in translation.warnings] == ["$.spec.http[0].directResponse.body"]


@pytest.mark.parametrize(
    ("tls", "expected"),
    [("", False), ("tls: {}", False), ("tls: {httpsRedirect: false}", False), ("tls: {httpsRedirect: true}", True)],
)
def test_a_server_of_a_gateway_may_ask_for_https(translated, tls, expected):
    more = f", {tls}" if tls else ""
    rule = translated(f"  servers: [{{port: {{number: 80, protocol: HTTP}}, hosts: ['*']{more}}}]\n", "Gateway").rule
    assert rule.servers == (Server(80, "HTTP", ("*",), "", ("*",), expected),)
