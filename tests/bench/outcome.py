"""`python -m tests.bench.outcome`: what recording an attempt and reporting load cost per call, in CPU microseconds."""

import time
from collections.abc import Callable

from plait.actors.messages.codec import decode_reply, encode
from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.instance import Instance
from plait.actors.proxy.endpoint import Endpoint
from plait.actors.proxy.meter import Meter

COUNT, ROUNDS = 200_000, 5
OK = ReplyFrame(VERSION, 200, [("content-type", "application/json")], b"x" * 200)
CALLER = b"productpage-v1-06fb2c"


def best(work: Callable[[], None]) -> float:
    """Return the microseconds of one turn of `work`, the best of several rounds, without those of the loop itself."""

    def measure(one: Callable[[], None]) -> float:
        began = time.thread_time()
        for _ in range(COUNT):
            one()
        return time.thread_time() - began

    empty = min(measure(lambda: None) for _ in range(ROUNDS))
    return (min(measure(work) for _ in range(ROUNDS)) - empty) / COUNT * 1e6


def main() -> None:
    """Measure and print."""
    endpoint = Endpoint(Instance("ratings-1", "ratings", "v1", {}, "", "node-1", 1))
    note, clock = endpoint.tally.note, time.monotonic
    meter, told = Meter(time.thread_time), {CALLER}
    report = meter.report(1.0, 3, 0, 256, 0.0)
    loaded = ReplyFrame(VERSION, 200, OK.headers, OK.body, 0, 0, report)

    def outcome() -> None:
        now = clock()
        note(OK, now - 1.0, now)

    def counted() -> None:
        meter.requests += 1
        if CALLER not in told:
            raise AssertionError

    turn = [1.0]

    def reported() -> None:
        turn[0] += 0.1
        meter.report(turn[0], 3, 0, 256, 0.0)

    plain, full = encode(OK), encode(loaded)

    def without() -> None:
        encode(OK)
        decode_reply(plain)

    def with_report() -> None:
        encode(loaded)
        decode_reply(full)

    rows = (
        ("caller: an outcome is recorded", best(outcome)),
        ("instance: a call is counted, its caller has heard", best(counted)),
        ("instance: a new report (at most 10 per second)", best(reported)),
        ("a reply is encoded and read, without a report", best(without)),
        ("a reply is encoded and read, with a report", best(with_report)),
    )
    for name, micros in rows:
        print(f"{name:<52} {micros:6.3f} µs")
    print(f"{'bytes of a report in a reply':<52} {len(full) - len(plain):6d}")


if __name__ == "__main__":
    main()
