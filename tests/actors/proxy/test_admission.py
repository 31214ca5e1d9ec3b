"""Admission control by success rate: which part of the calls is sent, what counts, and that a recovery is seen."""

import random

import pytest

from plait.actors import Response, Service, get
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import Cancelled, DeadlineExceeded, NotAdmitted
from plait.actors.messages.resilience import Admission, Resilience
from plait.actors.proxy.admission import SPAN, Admissions, refusal
from plait.actors.proxy.window import Window
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

PUBLISHED = [(1.0, 0.0), (0.95, 0.0), (0.9, 0.053), (0.8, 0.158), (0.5, 0.473), (0.2, 0.789), (0, 0.8)]


@pytest.mark.parametrize(("rate", "expected"), PUBLISHED)
def test_the_probability_is_that_of_envoy(rate, expected):
    assert refusal(10_000, int(10_000 * rate), 0.95, 1.0) == pytest.approx(expected, abs=0.001)


def test_aggression_refuses_earlier():
    assert refusal(1000, 800, 0.95, 2.0) == pytest.approx(0.158**0.5, abs=0.01)


def test_the_rate_forgets_what_is_older_than_30_seconds():
    recent = Window(SPAN, SPAN)
    for second in range(10):
        recent.add(100.0 + second, second % 2 == 1, slow=False)
    recent.slide(131.5)
    assert (recent.calls, recent.failed) == (8, 4)
    recent.slide(500.0)
    assert (recent.calls, recent.failed) == (0, 0)
    recent.add(499.0, failed=False, slow=False)  # a clock that is a little behind counts where we are
    assert recent.calls == 1


def test_a_failing_destination_gets_a_fifth_and_a_recovered_one_all():
    now, rng = [0.0], random.Random(1)
    admission = Admissions(Admission(), lambda: now[0], rng.random)
    sent = {True: 0, False: 0}
    for step in range(60_000):
        now[0] = step * 0.001
        healthy = step > 30_000
        try:
            admission.check()
        except NotAdmitted:
            continue
        if not 2_000 < step <= 30_000:
            sent[healthy] += step > 55_000
        else:
            sent[False] += 1
        admission.record(None, ReplyFrame(1, 200 if healthy else 503, [], b""), 0.0)
    assert sent[False] == pytest.approx(28_000 / 5, rel=0.1)
    assert sent[True] >= 0.95 * 4_999


def test_what_says_nothing_of_the_destination_is_not_counted():
    admission = Admissions(Admission(), lambda: 0.0, random.Random(1).random)
    for outcome in (None, Cancelled()):
        admission.record(None, outcome, 0.1)
    assert admission.recent.calls == 0
    admission.record(None, DeadlineExceeded(), 0.1)
    admission.record(None, ReplyFrame(1, 404, [], b""), 0.1)
    assert (admission.recent.calls, admission.recent.failed) == (2, 1)


class Ill(Service, name="ill"):
    well = False
    count = 0

    @get("/")
    def ask(self):
        type(self).count += 1
        return Response(b"", 200 if self.well else 503)


@pytest.mark.anyio
async def test_a_document_turns_it_on_and_refused_calls_are_not_tried_again():
    network = Network()
    node = network.node()
    await node.host(Ill)
    Ill.count, refused = 0, 0
    node.rules(Resilience("default/ill", "ill", admission=Admission()))
    for _ in range(200):
        try:
            await node.send("ill")
        except NotAdmitted:
            refused += 1
    assert refused == pytest.approx(150, abs=20)
    assert Ill.count == 200 - refused
    assert dict(node.proxy.counts.not_admitted) == {"ill": refused}
    node.rules(revision=2)
    assert (await node.send("ill")).status == 503
    await network.close()
