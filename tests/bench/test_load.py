"""The load generators: what they count, and from when."""

import asyncio

import pytest

from .load import Plan, closed_loop, open_loop, percentile
from .wrk import parse

pytestmark = pytest.mark.anyio

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


class Server:
    """Answers what `answer` makes of each request's number, split in two writes; None closes the connection."""

    def __init__(self, answer):
        self.answer = answer
        self.seen = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/x"

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.seen += 1
                answer = await self.answer(self.seen)
                if answer is None:
                    break
                writer.write(answer[:20])
                await writer.drain()
                writer.write(answer[20:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def good(_number):
    return GOOD


def test_percentiles_are_the_nearest_ranks():
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (0.5, 1, 50, 99, 99.1, 100)] == [1, 1, 50, 99, 100, 100]
    assert percentile([15, 20, 35, 40, 50], 30) == 20
    assert percentile([7.0], 50) == 7.0


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(values, percent):
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, percent)


def test_requests_become_due_at_the_rate_however_late_one_looks():
    plan = Plan(rate=10, count=5, start=100.0)
    assert plan.offer(99.9) == []
    assert plan.offer(100.0) == [100.0]
    assert plan.offer(100.35) == pytest.approx([100.1, 100.2, 100.3])
    assert plan.offer(200.0) == pytest.approx([100.4])
    assert plan.offered == 5


def test_a_stall_counts_for_every_request_that_was_due_during_it():
    plan = Plan(rate=10, count=5, start=0.0)
    for due in plan.offer(1.0):
        plan.settle(due, 1.0, good=True)
    assert plan.latencies == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6])


async def test_the_open_loop_measures_from_when_a_request_was_due_not_from_when_it_was_sent():
    count, rate = 20, 200.0

    async def stall(number):
        if number == 1:  # nothing is answered until all requests have been due
            await asyncio.sleep(count / rate)
        return GOOD

    async with Server(stall) as url:
        result = await open_loop(url, rate, count / rate, connections=1)
    assert (result.requests, result.errors) == (count, 0)
    # From its sending each later request takes no time; from its due moment number n waits for the rest of the stall.
    assert all(latency >= (n + 1) / rate for n, latency in enumerate(result.latencies))


async def test_the_open_loop_counts_bad_answers_and_lost_connections_as_errors():
    async def every_kind(number):
        return {3: BAD, 5: None}.get(number, GOOD)

    async with Server(every_kind) as url:
        result = await open_loop(url, 500.0, 0.02, connections=4)
    assert (result.requests, result.errors) == (8, 2)


async def test_the_open_loop_ends_when_the_server_never_answers():
    never = asyncio.Event()

    async def silent(_number):
        await never.wait()

    async with Server(silent) as url:
        result = await open_loop(url, 100.0, 0.05, connections=2, grace=0.05)
        never.set()
    assert (result.requests, result.errors) == (0, 5)


async def test_the_closed_loop_keeps_every_connection_busy_and_counts_errors():
    server = Server(refuse_second)
    async with server as url:
        result = await closed_loop(url, connections=3, seconds=0.1)
    assert result.errors == 1
    assert server.seen - 3 <= result.requests + result.errors <= server.seen
    assert result.requests > 3
    assert result.latencies == sorted(result.latencies)


async def refuse_second(number):
    return BAD if number == 2 else GOOD


async def test_the_closed_loop_ends_when_the_server_closes_all_connections():
    async def close(_number):
        return None

    async with Server(close) as url:
        result = await asyncio.wait_for(closed_loop(url, connections=2, seconds=30), 10)
    assert (result.requests, result.errors) == (0, 2)


def test_what_wrk_prints_is_read_with_its_errors():
    result = parse(
        "  Latency Distribution\n     50%  651.00us\n     75%    1.20ms\n     90%    2.00ms\n     99%    1.01s \n"
        "  100 requests in 2.00s, 1.2MB read\n"
        "  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 10\n"
        "Requests/sec:  50.0\n"
    )
    assert (result.requests, result.errors, result.rate) == (90, 17, 45.0)
    assert [percentile(result.latencies, p) for p in (50, 90, 99)] == pytest.approx([651e-6, 2e-3, 1.01])


def test_anything_else_is_not_taken_for_wrks_output():
    with pytest.raises(ValueError, match="not the output of wrk"):
        parse("unable to connect to 127.0.0.1:1 Connection refused")
