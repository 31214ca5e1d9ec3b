"""`call`: what its flags become, what it prints and how it ends, without a mesh behind it."""

import contextlib
import json
import sys
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from click.testing import Result

import plait.mesh
from plait.actors.bus.login import NOBODY
from plait.actors.messages import error as errors
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.service.response import Reply
from plait.mesh.address import Where

Plait = Callable[..., Result]
BUS = "--nats", "nats://127.0.0.1:1"


def _stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **functions: object) -> None:
    module = types.ModuleType(f"plait.mesh.{name}")
    for key, function in functions.items():
        setattr(module, key, function)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(plait.mesh, name, module, raising=False)


def _calls(monkeypatch: pytest.MonkeyPatch, outcome: object) -> list[tuple[Any, ...]]:
    """What `connect` and the connection's `call` are given; the call comes to `outcome`."""
    seen: list[tuple[Any, ...]] = []

    class There:
        async def call(self, *arguments: object, timeout: float, **more: object) -> object:
            seen[-1] += (*arguments, more["method"], more["headers"], more["body"])
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    @contextlib.asynccontextmanager
    async def connect(nats: str, mesh: str, *, name: str, timeout: float) -> AsyncIterator[There]:
        seen.append((nats, mesh))
        yield There()

    _stand_in(monkeypatch, "client", connect=connect)
    return seen


def _reply(status: int, headers: list[tuple[str, str]], body: bytes) -> Reply:
    return Reply(ReplyFrame(1, status, headers, body))


def test_call_prints_the_body_alone(plait: Plait, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _calls(monkeypatch, _reply(200, [("content-type", "text/plain")], b"\x00raw"))
    told = plait("call", "reviews", "reviews/0?x=1", "-H", "End-User: jason", "--nats", "nats://x:1")
    assert (told.exit_code, told.stdout_bytes) == (0, b"\x00raw")
    assert seen == [
        (Where("nats://x:1", NOBODY), "cli-test", "reviews", "/reviews/0?x=1", "GET", [("end-user", "jason")], b"")
    ]


def test_call_with_a_body_posts_it(plait: Plait, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    seen = _calls(monkeypatch, _reply(201, [], b""))
    (tmp_path / "order.json").write_text("{}")
    for body in ("{}", f"@{tmp_path}/order.json", "@-"):
        assert plait("call", "orders", "/orders", "-d", body, stdin="{}").exit_code == 0
    assert [(one[4], one[6]) for one in seen] == [("POST", b"{}")] * 3
    assert plait("call", "orders", "/orders", "-d", "@nowhere").exit_code == 2
    assert plait("call", "orders", "/orders", "-H", "nonsense").exit_code == 2


def test_call_as_json_has_status_headers_and_body(plait: Plait, monkeypatch: pytest.MonkeyPatch) -> None:
    _calls(monkeypatch, _reply(200, [("a", "1"), ("a", "2")], b"hi"))
    told = plait("call", "reviews", "/", "-o", "json")
    assert json.loads(told.stdout) == {"status": 200, "headers": [["a", "1"], ["a", "2"]], "body": "hi"}


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (_reply(404, [], b"none"), 8),
        (_reply(500, [], b"oh"), 8),
        (errors.NoRoute(), 4),
        (errors.Denied(), 5),
        (errors.DeadlineExceeded(), 7),
        (errors.NoEndpoints(), 8),
        (errors.NoResponders(), 8),
        (errors.HandlerFailed(), 8),
        (errors.FaultInjected(403), 5),
        (errors.FaultInjected(500), 8),
        (errors.BusUnavailable(), 6),
        (errors.Disconnected(), 6),
        (errors.InvalidName(), 2),
    ],
)
@pytest.mark.parametrize("output", ["table", "json"])
def test_call_ends_with_the_code_of_its_outcome(
    plait: Plait, monkeypatch: pytest.MonkeyPatch, outcome: object, code: int, output: str
) -> None:
    _calls(monkeypatch, outcome)
    assert plait("call", "reviews", "/reviews/0", "-o", output).exit_code == code
