"""The run file: private, written in one step, and without effect when its mesh has ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plait.actors.messages.error import InvalidName
from plait.mesh import run_file
from plait.mesh.run_file import RunFile


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def _run(pid: int | None = None, mesh: str = "default") -> RunFile:
    return RunFile(mesh, os.getpid() if pid is None else pid, "nats://127.0.0.1:1", ("http://127.0.0.1:8080",))


def _ended() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(10)
    return child.pid


def test_what_is_written_is_read(places: Path) -> None:
    path = run_file.write(_run())
    assert path == places / "run" / "plait" / "default.json"
    assert run_file.read() == _run()
    assert run_file.read("other") is None


def test_file_and_folder_are_for_this_user_alone() -> None:
    path = run_file.write(_run())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert run_file.problem(path) == ""


def test_the_file_of_an_ended_mesh_is_removed() -> None:
    path = run_file.write(_run(_ended()))
    assert run_file.read() is None
    assert not path.exists()


def test_a_mesh_removes_only_its_own_file() -> None:
    path = run_file.write(_run())
    run_file.remove("default", os.getpid() + 1)
    assert path.exists()
    run_file.remove("default", os.getpid())
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_file_open_to_others_is_not_believed(mode: int) -> None:
    path = run_file.write(_run())
    path.chmod(mode)
    assert run_file.read() is None
    assert "open to other users" in run_file.problem(path)


def test_a_folder_open_to_others_is_not_believed_nor_written_to(places: Path) -> None:
    path = run_file.write(_run())
    path.parent.chmod(0o777)
    assert run_file.read() is None
    assert run_file.write(_run()) == places / "state" / "plait" / "default.json"
    assert run_file.read() == _run()


def test_a_link_is_not_followed(places: Path) -> None:
    path = run_file.write(_run())
    path.rename(places / "elsewhere.json")
    path.symlink_to(places / "elsewhere.json")
    assert run_file.read() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mesh": "default", "pid": "1"}', "\x00" * 100])
def test_a_broken_file_counts_as_none(text: str) -> None:
    path = run_file.write(_run())
    path.write_text(text)
    assert run_file.read() is None


def test_without_a_runtime_folder_the_state_folder_is_used(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert run_file.write(_run()) == places / "state" / "plait" / "default.json"


def test_a_machine_that_cannot_be_written_to_has_no_run_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/proc/nowhere"])
    assert run_file.read() is None
    with pytest.raises(OSError, match="nowhere"):
        run_file.write(_run())


def test_a_mesh_name_cannot_leave_the_folder() -> None:
    with pytest.raises(InvalidName):
        run_file.read("../x")
    with pytest.raises(InvalidName):
        run_file.write(_run(mesh="../x"))
