"""Where the bus is and how to log in: flags, environment, and what a refused login says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from plait.actors.bus.login import Login
from plait.mesh import run_file
from plait.mesh.run_file import RunFile
from tests.cli.test_run_verbs import runs  # noqa: F401
from tests.keys import Nkey

Plait = Callable[..., Result]

SERVERS = "nats://a:4222,nats://b:4222"


def test_a_node_logs_in_as_its_flags_and_the_environment_say(plait: Plait, runs: list[Any]) -> None:  # noqa: F811
    flags = f"--nats {SERVERS} --nats-creds mesh.creds --nats-ca ca.pem --nats-sys-nkey sys.seed"
    told = plait("node", "gateway", *flags.split(), env={"PLAIT_NATS_CERT": "/own.pem"})
    assert told.exit_code == 0, told.output
    (options,) = runs
    tls = {"ca": str(Path("ca.pem").absolute()), "cert": "/own.pem"}
    assert (options.nats, options.nats_sys) == (SERVERS, SERVERS)
    assert options.login == Login(creds=str(Path("mesh.creds").absolute()), **tls)
    assert options.system_login == Login(nkey=str(Path("sys.seed").absolute()), **tls)


def test_a_password_comes_from_the_environment_alone(plait: Plait, runs: list[Any]) -> None:  # noqa: F811
    secret = {"PLAIT_NATS_PASSWORD": "s3cret"}
    assert plait("up", "--nats", SERVERS, "--nats-user", "ann", env=secret).exit_code == 0
    assert runs[0].login == Login(user="ann", password="s3cret")
    assert plait("up", "--nats", SERVERS, "--nats-password", "s3cret").exit_code == 2


def test_a_bus_of_our_own_takes_no_login(plait: Plait, runs: list[Any]) -> None:  # noqa: F811
    assert plait("up", env={"PLAIT_NATS_CREDS": "for.others"}).exit_code == 0
    assert runs[0].login == Login()
    told = plait("up", "--nats-creds", "x.creds")
    assert told.exit_code == 2
    assert "--nats-creds needs --nats" in told.stderr


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ("--nats-user ann --nats-nkey seed", "one is enough"),
        ("--nats-key key.pem", "without its certificate"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(plait: Plait, flags: str, word: str) -> None:
    told = plait("ls", "nodes", *flags.split())
    assert told.exit_code == 2
    assert word in told.stderr


@pytest.mark.process
def test_a_refused_login_says_what_to_do_and_ends_with_5(plait: Plait, start_nats: Any, tmp_path: Path) -> None:
    (tmp_path / "seed").write_text(Nkey().seed)
    server = start_nats('authorization { user: ann, password: "p" }')
    for flags in ([], ["--nats-nkey", str(tmp_path / "seed")], ["--nats-creds", str(tmp_path / "none")]):
        told = plait("get", "--nats", server.url, *flags)
        assert told.exit_code == 5, told.output
        assert "try: log in by --nats-creds" in told.stderr
    told = plait("get", "--nats", f"nats://127.0.0.1:1,{server.url_for('ann:wr0ng')}")
    assert told.exit_code == 5
    assert "wr0ng" not in told.output + told.stderr
    assert plait("get", "--nats", "nats://127.0.0.1:1,nats://127.0.0.1:2").exit_code == 6


@pytest.mark.process
def test_the_run_file_says_how_to_log_in_and_the_environment_has_the_password(plait: Plait, start_nats: Any) -> None:
    server = start_nats('authorization { user: ann, password: "p" }')
    run_file.write(RunFile("cli-test", os.getpid(), server.url, login=Login(user="ann")))
    assert plait("get").exit_code == 5
    told = plait("get", env={"PLAIT_NATS_USER": "ann", "PLAIT_NATS_PASSWORD": "p"})
    assert "no policy engine" in told.stderr
