"""The group: what it loads, what its help says, and how errors end a command."""

import json
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import Result

from plait.cli import exit as ends
from plait.cli.app import SECTIONS, Verbs

Plait = Callable[..., Result]
HEAVY = ("nats", "opentelemetry", "rich", "yaml", "prometheus_client", "uvloop", "asyncio", "msgspec", "httptools")


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    code = f"import plait.cli, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert shown.stdout.strip() == "[]"


def test_the_help_page_fits_one_screen_and_names_every_verb(plait: Plait) -> None:
    page = plait("--help")
    assert page.exit_code == 0
    assert len(page.output.splitlines()) <= 48
    for title, verbs in SECTIONS:
        assert f"{title}:" in page.output
        assert all(f"\n  {verb} " in page.output for verb, _ in verbs)


@pytest.mark.parametrize("verb", [verb for _, verbs in SECTIONS for verb, _ in verbs])
def test_every_verb_has_a_help_page(plait: Plait, verb: str) -> None:
    page = plait(verb, "--help")
    assert page.exit_code == 0, page.output
    assert f"Usage: plait {verb}" in page.output


def test_a_mistyped_verb_is_a_usage_error_with_a_guess(plait: Plait) -> None:
    told = plait("aply")
    assert told.exit_code == 2
    assert "Did you mean 'apply'?" in told.stderr


def test_no_bus_is_exit_code_6_within_three_seconds() -> None:
    program = Path(sysconfig.get_path("scripts")) / "plait"
    begin = time.monotonic()
    told = subprocess.run(
        [program, "get", "--nats", "nats://127.0.0.1:1"], capture_output=True, text=True, check=False, timeout=30
    )
    assert time.monotonic() - begin < 3
    assert told.returncode == 6
    assert told.stdout == ""
    assert told.stderr.startswith("error: no NATS at nats://127.0.0.1:1")
    assert "plait up" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_bus_that_says_nothing_is_exit_code_6_too(plait: Plait) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begin = time.monotonic()
        told = plait("get", "--nats", f"nats://127.0.0.1:{mute.getsockname()[1]}")
    assert told.exit_code == 6
    assert time.monotonic() - begin < 3


def test_errors_are_json_when_the_output_is_for_machines(plait: Plait) -> None:
    told = plait("ls", "nodes", "-o", "json", "--nats", "nats://127.0.0.1:1")
    assert told.exit_code == 6
    assert json.loads(told.stderr)["error"]["code"] == "unreachable"
    assert told.stdout == ""


def test_an_invalid_mesh_name_is_a_usage_error(plait: Plait) -> None:
    assert plait("get", "--mesh", "No.Such").exit_code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (RuntimeError("boom"), 1),
        (PermissionError(13, "Permission denied", "x.yaml"), 1),
        (ends.CommandError(ends.Exit.DENIED, "no"), 5),
    ],
)
def test_every_error_ends_with_its_code_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, plait: Plait, error: BaseException, code: int
) -> None:
    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(Verbs, "get_command", lambda *_: command)
    told = plait("get")
    assert told.exit_code == code
    assert told.stderr.startswith("error: ")
    assert "Traceback" not in told.stderr
    if code == 1:
        assert "Traceback" in plait("--debug", "get").stderr


def test_version_is_the_installed_one(plait: Plait) -> None:
    assert plait("version").stdout == f"plait {metadata.version('plait')}\n" == plait("--version").stdout
