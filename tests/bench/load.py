"""HTTP load from one process: closed loop (as fast as answers come) and open loop (at a rate, come what may).

Both are bounded in time and count, speak HTTP/1.1 over kept connections, and take any server on loopback that answers
with a content-length.
"""

import asyncio
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

GRACE = 5.0
"""Seconds that answers may take after the last request was due; then they count as errors."""
MOST = 5_000_000
"""No run sends more requests."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of ascending values: the smallest that `percent` % of them do not exceed.

    Raises:
        ValueError: there are no values, or `percent` is not in (0, 100].
    """
    if not ordered or not 0 < percent <= 100:
        raise ValueError(f"no percentile {percent} of {len(ordered)} values")
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@dataclass
class Result:
    """What a run found; times are in seconds, `latencies` ascend and hold good answers only."""

    requests: int
    errors: int
    seconds: float
    latencies: list[float] = field(repr=False, default_factory=list[float])

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return self.requests / self.seconds if self.seconds else 0.0


class Plan:
    """The open loop's account, without any I/O: what is due when, and how late each answer came.

    A request that waits for a free connection is as late as its user would find it: latency counts from the moment it
    was due, so that a stall of the server shows in every request that fell into it (no coordinated omission).
    """

    def __init__(self, rate: float, count: int, start: float) -> None:
        self.rate = rate
        self.count = count
        self.start = start
        self.errors = 0
        self.latencies: list[float] = []
        self._offered = 0

    def due_at(self, number: int) -> float:
        """When request `number` (from 0) is due."""
        return self.start + number / self.rate

    def offer(self, now: float) -> list[float]:
        """The moments at which the requests that became due since the last call were due."""
        upto = min(self.count, math.floor((now - self.start) * self.rate + 1e-9) + 1)
        due = [self.due_at(number) for number in range(self._offered, upto)]
        self._offered += len(due)
        return due

    def settle(self, due: float, now: float, good: bool) -> None:
        """Count the answer to the request that was due at `due`."""
        if good:
            self.latencies.append(now - due)
        else:
            self.errors += 1

    @property
    def offered(self) -> int:
        """How many requests have become due."""
        return self._offered

    @property
    def settled(self) -> int:
        """How many have their answer, or never will."""
        return len(self.latencies) + self.errors


class Client(asyncio.Protocol):
    """One connection with one request under way; `answered(client, good)` is called for each."""

    def __init__(self, request: bytes, answered: Callable[["Client", bool], None]) -> None:
        self.due = 0.0
        self.open = False
        self._request = request
        self._answered = answered
        self._buffer = b""
        self._need = 0
        self._good = False
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is registered nowhere
        self.open = True

    def send(self, due: float) -> None:
        """Send the request, which was due at `due`."""
        self.due = due
        self._busy = True
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._need:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                self._buffer = buffer
                return
            length = _LENGTH.search(buffer, 0, head)
            if length is None:
                self._transport.close()
                return
            self._need = head + 4 + int(length[1])
            self._good = buffer.startswith(b"HTTP/1.1 200 ")
        if len(buffer) < self._need:
            self._buffer = buffer
            return
        self._buffer = b""
        self._need = 0
        self._busy = False
        self._answered(self, self._good)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._busy:
            self._busy = False
            self._answered(self, False)

    def close(self) -> None:
        """Close without another word."""
        self._busy = False
        self._transport.close()


async def _clients(url: str, count: int, answered: Callable[[Client, bool], None]) -> list[Client]:
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    connecting = (loop.create_connection(lambda: Client(request, answered), host, port) for _ in range(count))
    return [client for _, client in await asyncio.gather(*connecting)]


async def closed_loop(url: str, connections: int, seconds: float) -> Result:
    """Keep one request under way on each connection for `seconds`."""
    clock = time.perf_counter
    latencies: list[float] = []
    errors = 0
    end = math.inf
    over = asyncio.get_running_loop().create_future()

    def answered(client: Client, good: bool) -> None:
        nonlocal errors
        now = clock()
        if good:
            latencies.append(now - client.due)
        else:
            errors += 1
        if now < end and len(latencies) + errors < MOST and client.open:
            client.send(now)
        elif not any(other.open for other in clients) and not over.done():
            over.set_result(None)  # the server has closed all connections

    clients = await _clients(url, connections, answered)
    start = clock()
    end = start + seconds
    for client in clients:
        client.send(start)
    await asyncio.wait([over], timeout=seconds)
    taken = clock() - start
    for client in clients:
        client.close()
    return Result(len(latencies), errors, taken, sorted(latencies))


async def open_loop(url: str, rate: float, seconds: float, connections: int = 128, grace: float = GRACE) -> Result:
    """Have `rate` requests a second become due for `seconds`, whatever the server does.

    A request without a free connection waits for one; what is not answered `grace` seconds after the end is an error.
    """
    clock = time.perf_counter
    loop = asyncio.get_running_loop()
    waiting: deque[float] = deque()
    idle: list[Client] = []
    over = asyncio.Event()
    plan = Plan(rate, min(math.ceil(rate * seconds), MOST), clock())

    def answered(client: Client, good: bool) -> None:
        plan.settle(client.due, clock(), good)
        if client.open and waiting:
            client.send(waiting.popleft())
        elif client.open:
            idle.append(client)
        if plan.settled == plan.count or not any(other.open for other in clients):
            over.set()

    def offer() -> None:
        for due in plan.offer(clock()):
            while idle and not idle[-1].open:
                idle.pop()
            if idle:
                idle.pop().send(due)
            else:
                waiting.append(due)

    clients = await _clients(url, connections, answered)
    idle += clients
    plan.start = clock()
    pacer = threading.Thread(target=_pace, args=(plan, clock, loop, offer, over), daemon=True)
    pacer.start()
    try:
        await asyncio.wait_for(over.wait(), seconds + grace)
    except TimeoutError:
        pass
    finally:
        over.set()
    taken = clock() - plan.start
    for client in clients:
        client.close()
    await asyncio.to_thread(pacer.join, 1.0)
    good = sorted(plan.latencies)
    return Result(len(good), plan.count - len(good), taken, good)


def _pace(
    plan: Plan,
    clock: Callable[[], float],
    loop: asyncio.AbstractEventLoop,
    offer: Callable[[], None],
    over: asyncio.Event,
) -> None:
    """Wake the loop when requests are due: the loop's own timers round to a millisecond, a thread's sleep does not."""
    for number in range(plan.count):
        pause = plan.due_at(number) - clock()
        if pause > 0:
            time.sleep(pause)
        if over.is_set():
            return
        if plan.offered <= number:  # else the loop, running late, has offered it along with an earlier one
            loop.call_soon_threadsafe(offer)
