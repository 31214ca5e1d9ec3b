"""A verb's visit to the bus: which one it asks, and what it says where nobody answers."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from plait.mesh import run_file
from plait.mesh.run_file import RunFile

Plait = Callable[..., Result]


def _write(url: str) -> None:
    run_file.write(RunFile("cli-test", os.getpid(), url))


@pytest.mark.process
def test_the_environment_wins_over_the_run_file(plait: Plait, other_end: Any) -> None:
    other_end.on("policy.get", {"revision": 1, "items": []})
    _write("nats://127.0.0.1:1")
    assert plait("get").exit_code == 0
    assert plait("get", env={"PLAIT_NATS_URL": ""}).exit_code == 6


def test_an_error_never_shows_a_password(plait: Plait) -> None:
    told = plait("get", "--nats", "nats://mesh:secret@127.0.0.1:1")
    assert told.exit_code == 6
    assert "secret" not in told.stderr


@pytest.mark.process
def test_a_missing_engine_shows_the_bus_without_its_password(plait: Plait, other_end: Any) -> None:
    told = plait("get", "--nats", other_end.url.replace("://", "://mesh:secret@"))
    assert told.exit_code == 6
    assert "has no policy engine on this bus (nats://127.0.0.1" in told.stderr
    assert "secret" not in told.stderr
