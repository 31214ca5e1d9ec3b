"""The stack of compose.yaml, built and started once for the tests of this folder; skipped where there is no engine."""

import os
from collections.abc import Iterator

import pytest

from tests.compose import engine
from tests.compose.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole stack, healthy."""
    if not os.environ.get("PLAIT_TEST_COMPOSE"):
        pytest.skip("containers are started by `make test-compose`")
    try:
        program = engine.compose()
        engine.build()
    except engine.Missing as error:
        pytest.skip(str(error))
    stack = Stack(program)
    try:
        yield stack.up()
    finally:
        stack.down()


@pytest.fixture
def plait(monkeypatch):
    """Runs a verb on this machine."""
    from click.testing import CliRunner

    from plait.cli.app import app

    monkeypatch.delenv("PLAIT_NATS_URL", raising=False)
    return lambda *arguments: CliRunner().invoke(app, arguments)
