"""--watch: what is written of a list that changes, and how it goes on without the mesh and ends."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from plait.actors.messages.error import BusUnavailable
from plait.cli import watch
from plait.cli.exit import CommandError, Exit
from plait.cli.output import Column, Listing

COLUMNS = (Column("NAME", "name"), Column("STATE", "state"))


def listing(**states: str) -> Listing:
    items = [{"name": name, "state": state, "age": time.monotonic()} for name, state in states.items()]
    return Listing("ThingList", COLUMNS, items, lambda item: str(item["name"]), "nothing there")


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Follows what a test gives, one reading after the other; errors are raised, and the end is Ctrl-C."""
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: None)

    def run(output: str, *readings: Listing | Exception) -> None:
        left: Iterator[Any] = iter([*readings, KeyboardInterrupt()])

        def read() -> Listing:
            one = next(left)
            if isinstance(one, BaseException):
                raise one
            return one

        watch.follow(read, output, 1.0)

    return run


def test_jsonl_has_a_line_per_change(follow: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    follow("jsonl", listing(a="up", b="up"), listing(a="up", b="up"), listing(a="down", c="up"))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["change"], one["name"], one["state"]) for one in told] == [
        ("added", "a", "up"),
        ("added", "b", "up"),
        ("changed", "a", "down"),
        ("added", "c", "up"),
        ("removed", "b", "up"),
    ]


def test_a_table_is_written_again_where_it_differs(
    follow: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    follow("table", listing(a="up"), listing(a="up"), listing(a="down"))
    assert capsys.readouterr().out == "NAME  STATE\na     up\n\nNAME  STATE\na     down\n"


def test_a_mesh_that_goes_is_waited_for(follow: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    late = CommandError(Exit.TIMED_OUT, "no answer")
    follow("jsonl", listing(a="up"), BusUnavailable("no NATS"), late, listing(a="up", b="up"))
    told = capsys.readouterr()
    assert [json.loads(line)["name"] for line in told.out.splitlines()] == ["a", "b"]
    assert told.err == "no NATS: waiting for it\n"


def test_a_mesh_that_was_never_there_is_an_error(follow: Callable[..., None]) -> None:
    with pytest.raises(BusUnavailable):
        follow("table", BusUnavailable())


def test_what_is_no_matter_of_reaching_the_mesh_ends_it(follow: Callable[..., None]) -> None:
    with pytest.raises(CommandError, match="denied"):
        follow("table", listing(a="up"), CommandError(Exit.DENIED, "denied"))


@pytest.mark.parametrize("output", ["json", "yaml", "name"])
def test_formats_for_one_list_are_refused(follow: Callable[..., None], output: str) -> None:
    with pytest.raises(click.UsageError, match=f"not {output}"):
        follow(output, listing())


def test_a_terminal_is_painted_only_where_the_table_differs(
    follow: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    follow("table", listing(a="up"), listing(a="up"), BusUnavailable("no NATS"), listing(a="up"))
    told = capsys.readouterr().out
    assert told.count("no NATS") == 1
    assert told.count("STATE") == 3 + 1  # once, with the bus gone, without that again, and what stays at the end


def test_ctrl_c_ends_it_with_0(other_end: Any) -> None:
    other_end.on("registry.resolve", {"revision": 1, "instances": [{"id": "a-1", "service": "a", "node": "n"}]})
    verb = [sys.executable, "-m", "plait.cli", "ls", "instances", "--watch", "-o", "jsonl", "--interval", "0.1"]
    with subprocess.Popen(verb, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["change"] == "added"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
