"""The access log: Envoy's line and JSON, which no client can break, written by a thread that holds up nobody."""

import json
import re

import msgspec
import pytest

from plait.tracing.access import AccessFile, Entry, envoy_line, json_line

ENTRY = Entry(
    began=1_700_000_000.25,
    seconds=0.0125,
    method="GET",
    path="/reviews/0?x=1",
    status=503,
    flags="UH,URX",
    received=5,
    sent=19,
    client="10.0.0.9",
    forwarded_for="10.0.0.9",
    user_agent="curl/8",
    request_id="r-1",
    authority="shop.test",
    upstream="reviews-v1-1",
    service="reviews",
    subset="v1",
    route="default/reviews#0",
    attempts=3,
    traceparent=f"00-{'1' * 32}-{'a' * 16}-01",
)


def test_a_line_is_envoys_default_one():
    assert envoy_line(ENTRY) == (
        '[2023-11-14T22:13:20.250Z] "GET /reviews/0?x=1 HTTP/1.1" 503 UH,URX 5 19 12 -'
        ' "10.0.0.9" "curl/8" "r-1" "shop.test" "reviews-v1-1"'
    )


def test_what_is_not_there_is_a_dash():
    assert envoy_line(msgspec.structs.replace(ENTRY, user_agent="", upstream="")).endswith('"-" "r-1" "shop.test" "-"')


def test_json_leads_to_the_trace():
    read = json.loads(json_line(ENTRY))
    assert (read["trace_id"], read["span_id"]) == ("1" * 32, "a" * 16)
    assert (read["response_code"], read["response_flags"], read["duration"]) == (503, "UH,URX", 12.5)
    assert (read["upstream_cluster"], read["route_name"]) == ("reviews|v1", "default/reviews#0")


@pytest.mark.parametrize("text", ['a" 200 "', "a\r\n[forged]", "a\\", "a\x1b[2J", "\u2028x"])
def test_what_clients_send_ends_no_field_and_no_line(text):
    entry = msgspec.structs.replace(ENTRY, user_agent=text, path=f"/{text}")
    for line in (envoy_line(entry), json_line(entry)):
        assert len(line.splitlines()) == 1
    fields = re.findall(r'"((?:[^"\\]|\\.)*)"', envoy_line(entry))
    assert (len(fields), fields[-1]) == (6, "reviews-v1-1")
    assert json.loads(json_line(entry))["user_agent"] == text


def test_lines_are_appended_and_all_of_them_written_at_the_end(tmp_path):
    path = tmp_path / "access.log"
    for _ in range(2):
        log = AccessFile(str(path), as_json=True)
        for place in range(50):
            log.note(msgspec.structs.replace(ENTRY, attempts=place))
        log.close()
        assert log.dropped == 0
    read = [json.loads(line)["upstream_request_attempt_count"] for line in path.read_text().splitlines()]
    assert read == [*range(50)] * 2


def test_a_full_disk_costs_lines_and_nothing_else():
    log = AccessFile("/dev/full")
    for _ in range(5):
        log.note(ENTRY)
    log.close()
    assert log.dropped == 5


def test_a_file_that_cannot_be_had_is_said_at_once(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        AccessFile(str(tmp_path / "none" / "access.log"))
