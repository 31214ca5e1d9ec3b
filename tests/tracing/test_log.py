"""Logging: lines that machines read, with the trace id, and never a flood."""

import io
import json
import logging

import pytest

from plait.tracing import log

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def logger():
    root = logging.getLogger(log.ROOT)
    before = (root.handlers[:], root.level, root.propagate)
    yield logging.getLogger("plait.test")
    root.handlers, root.propagate = before[0], before[2]
    root.setLevel(before[1])


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_json_line_carries_the_trace_that_runs(logger):
    stream, current = io.StringIO(), [TRACEPARENT]
    log.configure("info", as_json=True, stream=stream, trace=lambda: current[0], fixed={"node": "n1"})
    logger.info("called %s\nagain", "reviews")
    current[0] = ""
    logger.warning("idle")
    logger.warning("given", extra={"traceparent": TRACEPARENT})
    logger.debug("not shown")
    one, two, three = map(json.loads, stream.getvalue().splitlines())
    assert one["message"] == "called reviews\nagain"
    assert (one["trace_id"], one["span_id"]) == (TRACEPARENT[3:35], TRACEPARENT[36:52])
    assert (one["level"], one["logger"], one["node"]) == ("info", "plait.test", "n1")
    assert one["time"].endswith("+00:00")
    assert "trace_id" not in two
    assert three["trace_id"] == TRACEPARENT[3:35]


def test_a_json_line_stays_one_line_with_an_exception(logger):
    stream = io.StringIO()
    log.configure(as_json=True, stream=stream)
    try:
        raise LookupError("no such book")
    except LookupError:
        logger.exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "LookupError: no such book" in json.loads(line)["exception"]


def test_a_text_line_names_the_trace(logger):
    stream = io.StringIO()
    log.configure(logging.INFO, stream=stream, trace=lambda: TRACEPARENT)
    logger.info("hello")
    assert stream.getvalue().endswith(f"INFO    plait.test: hello trace={TRACEPARENT[3:35]}\n")


def test_configuring_twice_leaves_one_handler_and_the_root_logger_alone(logger):
    before = logging.getLogger().handlers[:]
    first, second = io.StringIO(), io.StringIO()
    log.configure(stream=first)
    log.configure(stream=second)
    logger.info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1
    assert logging.getLogger().handlers == before


def test_a_source_is_logged_once_a_second_and_the_rest_is_counted(caplog, clock):
    once = log.OncePer(logging.getLogger("brake"), clock=clock)
    assert [once("a", logging.WARNING, "bad %s", "bytes") for _ in range(5)] == [True, False, False, False, False]
    assert once("b", logging.WARNING, "bad %s", "bytes")
    clock.now += 1.0
    assert once("a", logging.WARNING, "bad %s", "bytes")
    clock.now += 1.0
    assert once("a", logging.WARNING, "bad %s", "bytes")
    assert caplog.messages == ["bad bytes", "bad bytes", "bad bytes (and 4 more since)", "bad bytes"]
    assert once.total == 8


def test_a_stranger_who_invents_sources_cannot_flood(caplog, clock):
    once = log.OncePer(logging.getLogger("brake"), clock=clock)
    for place in range(5000):
        once(f"source-{place}", logging.WARNING, "bad")
    assert len(caplog.records) <= 1025
    assert once.total == 5000
    clock.now += 1.0
    assert once("another", logging.WARNING, "bad")


def test_a_library_that_repeats_itself_is_heard_once_a_minute(caplog, clock):
    logger = logging.getLogger("chatty")
    brake = log.OncePerFilter(60.0, clock=clock)
    logger.addFilter(brake)
    for place in range(10):
        logger.error("failed %d", place)
    clock.now += 60.0
    logger.error("failed %d%%", 10)
    logger.removeFilter(brake)
    assert caplog.messages == ["failed 0", "failed 10% (and 9 more since)"]
