"""A stage for one service: its requests are made by hand, its calls are answered by the test; no bus."""

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from plait.actors import Reply, Response, Service
from plait.actors.messages.envelope import VERSION, CallFrame, ReplyFrame
from plait.actors.messages.instance import Instance
from plait.actors.service.context import current
from plait.actors.service.handling import handle

Answers = Callable[..., Any]


class Stage:
    """One started service, its clock and what it called: (service, path, timeout, end-user)."""

    def __init__(self, service: Service, answers: Answers) -> None:
        self.service: Any = service
        self.answers = answers
        self.now = 0.0
        self.rng = random.Random(7)
        self.calls: list[tuple[str, str, float | None, str]] = []
        self.slept: list[float] = []
        kind = type(service)
        instance = Instance(f"{kind.name}-{kind.version}-a1", kind.name, kind.version, {}, "eu/a/1", "node-1", 1)
        self.service.hosting = SimpleNamespace(instance=instance)
        self.service.cell = SimpleNamespace(surroundings=SimpleNamespace(clock=lambda: self.now, rng=self.rng))
        self.service.call = self._call
        self.service.sleep = self._sleep

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def _call(self, service: str, path: str, *, timeout: float | None = None, into: Any = None) -> Any:
        self.calls.append((service, path, timeout, self.service.baggage.get("end-user", "")))
        answer = self.answers(service, path)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        if into is not None:
            return answer
        response = answer if isinstance(answer, Response) else Response(answer)
        return Reply(ReplyFrame(VERSION, response.status, response.headers, response.body, degraded=response.degraded))

    async def ask(
        self, path: str, method: str = "GET", headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> Response:
        """Have the service handle one request."""
        frame = CallFrame(VERSION, 1, 1, method, "test", path, "", list(headers), body, None, "")
        token = current.set(current.get(None))  # pyright: ignore
        try:
            answer = handle(self.service, SimpleNamespace(frame=frame, deadline=None))  # pyright: ignore
            return await answer if asyncio.iscoroutine(answer) else answer
        finally:
            current.reset(token)


@pytest.fixture
def stage(monkeypatch):
    """Starts a service on a stage: `await stage(Details, SERVICE_VERSION="v-faulty", answers=…)`."""

    async def start(kind: type[Service], answers: Answers = lambda service, path: None, **environment: str) -> Stage:
        for name in ("SERVICE_VERSION", "FLOOD_FACTOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        started = Stage(kind(), answers)
        await started.service.pre_start()
        return started

    return start
