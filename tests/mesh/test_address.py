"""Finding the bus: what is named, the environment, the run file, the default, in this order."""

import os

import pytest

from plait.actors.messages.error import InvalidName
from plait.mesh import run_file
from plait.mesh.address import DEFAULT, Target, find, system_url
from plait.mesh.run_file import RunFile


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    """No run file but those of the test."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PLAIT_NATS_URL", raising=False)


def write(url):
    run_file.write(RunFile("m", os.getpid(), url, nats_sys="nats://plait-sys:secret@127.0.0.1:1"))


def test_what_is_named_wins_over_the_environment_that_over_the_run_file_and_that_over_the_default(monkeypatch):
    assert find(None, "m") == Target(DEFAULT, "m", "the default")
    write("nats://127.0.0.1:2")
    assert find(None, "m") == Target("nats://127.0.0.1:2", "m", "the run file")
    assert find(None, "other").url == DEFAULT
    monkeypatch.setenv("PLAIT_NATS_URL", "nats://127.0.0.1:3")
    assert find(None, "m") == Target("nats://127.0.0.1:3", "m", "PLAIT_NATS_URL")
    assert find("nats://127.0.0.1:4", "m") == Target("nats://127.0.0.1:4", "m", "the URL given")
    monkeypatch.setenv("PLAIT_NATS_URL", "")
    assert find("", "m").origin == "the run file"


def test_system_credentials_are_for_the_bus_of_the_run_file_alone():
    write("nats://127.0.0.1:2")
    assert "secret" in system_url(find(None, "m"))
    assert system_url(find("nats://127.0.0.1:3", "m")) == ""


def test_an_address_is_shown_without_its_password():
    assert Target("nats://me:se@cret@host:1", "m", "").shown == "nats://host:1"
    assert Target("nats://host:1", "m", "").shown == "nats://host:1"


def test_a_mesh_whose_name_is_none_is_refused():
    with pytest.raises(InvalidName):
        find(None, "../x")
