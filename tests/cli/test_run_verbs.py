"""up and node: what their flags become, without the mesh behind them."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import plait.mesh
from plait.actors.service.check import ExecCheck, HttpCheck, TcpCheck
from plait.mesh.options import Listen, NodeOptions, UpOptions

Plait = Callable[..., Result]
BUS = "--nats", "nats://127.0.0.1:1"


def _stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **functions: object) -> None:
    module = types.ModuleType(f"plait.mesh.{name}")
    for key, function in functions.items():
        setattr(module, key, function)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(plait.mesh, name, module, raising=False)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The options that `mesh.up` and `mesh.run` are given."""
    seen: list[Any] = []
    _stand_in(monkeypatch, "up", run=seen.append)
    _stand_in(monkeypatch, "run", run_node=seen.append)
    return seen


def test_up_has_the_documented_defaults(plait: Plait, runs: list[Any]) -> None:
    assert plait("up", "--mesh", "default").exit_code == 0
    assert runs == [UpOptions()]
    assert str(runs[0].http[0]) == "127.0.0.1:8080"
    assert str(runs[0].admin) == "127.0.0.1:8081"


def test_up_reads_flags(plait: Plait, runs: list[Any]) -> None:
    flags = "--http :0=80 --http [::1]:8443=443 --admin 0 --app none --state s --sampling 0.1 --trusted-hops 1"
    told = plait("up", *flags.split())
    assert told.exit_code == 0, told.output
    assert runs[0].http == (Listen("127.0.0.1", 0, 80), Listen("::1", 8443, 443))
    assert runs[0].admin == Listen("127.0.0.1", 0)
    assert (runs[0].app, runs[0].state, runs[0].sampling, runs[0].mesh) == ((), "s", 0.1, "cli-test")
    assert runs[0].trusted_hops == 1


def test_up_reads_the_environment(plait: Plait, runs: list[Any]) -> None:
    assert plait("up", env={"PLAIT_HTTP": "9000 9001=443", "PLAIT_APP": "shop:Orders"}).exit_code == 0
    assert runs[0].http == (Listen("127.0.0.1", 9000), Listen("127.0.0.1", 9001, 443))
    assert runs[0].app == ("shop:Orders",)


MESH_FILE = """
mesh: of-file
gateway: {http: [9000]}
sampling: 0.5
dns: {listen: 8600}
services: {a: {target: "json:Any"}}
"""


def test_flags_and_environment_win_over_a_mesh_file(plait: Plait, runs: list[Any], tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(MESH_FILE)
    flags = ["--http", "0", "--dns-ttl", "7"]
    told = plait("up", "-f", str(tmp_path / "mesh.yaml"), *flags, env={"PLAIT_SAMPLING": "0.25", "PLAIT_MESH": None})
    assert told.exit_code == 0, told.output
    (options,) = runs
    assert (options.mesh, options.http, options.sampling) == ("of-file", (Listen("127.0.0.1", 0),), 0.25)
    assert (options.dns, options.dns_ttl) == (Listen("127.0.0.1", 8600), 7)
    assert [plan.targets for plan in options.plans] == [("json:Any",)]


def test_app_takes_the_place_of_the_file_s_services(plait: Plait, runs: list[Any], tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(MESH_FILE)
    assert plait("up", "-f", str(tmp_path / "mesh.yaml"), "--app", "shop:Orders").exit_code == 0
    assert [plan.targets for plan in runs[0].plans] == [("shop:Orders",)]


@pytest.mark.parametrize(("text", "word"), [(None, "No such file"), ("a: 1", "unknown field"), ("[", "not valid YAML")])
def test_a_mesh_file_that_cannot_be_used_is_a_usage_error(
    plait: Plait, runs: list[Any], tmp_path: Path, text: str | None, word: str
) -> None:
    if text is not None:
        (tmp_path / "mesh.yaml").write_text(text)
    told = plait("up", "-f", str(tmp_path / "mesh.yaml"))
    assert (told.exit_code, runs) == (2, [])
    assert word in told.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ["--http", "x"],
        ["--http", "http://127.0.0.1:80"],
        ["--http", "127.0.0.1:65536"],
        ["--http", "80=0"],
        ["--http", "::1:80"],
        ["--admin", "8081=80"],
        ["--app", "what"],
        ["--app", "none", "--app", "bookinfo"],
        ["--sampling", "2"],
        ["--mesh", "a.b"],
    ],
)
def test_a_bad_value_is_a_usage_error(plait: Plait, runs: list[Any], flags: list[str]) -> None:
    told = plait("up", *flags)
    assert told.exit_code == 2
    assert "Error: " in told.stderr
    assert runs == []


@pytest.mark.parametrize("verb", [["up"], ["node", "dns", "--nats", "nats://127.0.0.1:1"]])
def test_dns_is_told_where_to_answer_and_whom_to_ask(plait: Plait, runs: list[Any], verb: list[str]) -> None:
    flags = "--dns [::1]:5353 --dns-forward 10.0.0.1:53 --dns-ttl 5 --advertise 10.0.0.7"
    assert plait(*verb, *flags.split()).exit_code == 0
    (told,) = runs
    assert (told.dns, told.dns_forward) == (Listen("::1", 5353), Listen("10.0.0.1", 53))
    assert (told.dns_ttl, told.advertise) == (5, "10.0.0.7")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ("up --dns-forward 10.0.0.1:53", "--dns-forward needs --dns"),
        ("up --dns off --dns-ttl 5", "--dns-ttl needs --dns"),
        ("node gateway --dns 5353", "--dns needs the target dns"),
        ("node dns --trusted-hops 1", "--trusted-hops needs the target gateway"),
        ("up --trusted-hops -1", "-1"),
        ("up --dns 1=2", "maps a port"),
        ("up --dns 5353 --dns-forward 10.0.0.1:0", "names no port"),
        ("up --dns 5353 --dns-ttl -1", "-1"),
        ("up --advertise localhost", "no IP address"),
        ("node dns --advertise fe80::1%eth0", "no IP address"),
        ("node dns --advertise 0.0.0.0", "no IP address"),
    ],
)
def test_a_flag_for_dns_that_means_nothing_is_a_usage_error(
    plait: Plait, runs: list[Any], flags: str, word: str
) -> None:
    told = plait(*flags.split())
    assert told.exit_code == 2
    assert word in told.output
    assert runs == []


def test_dns_in_the_environment_is_for_the_nodes_that_answer_it(plait: Plait, runs: list[Any]) -> None:
    environment = {"PLAIT_DNS": "5353", "PLAIT_DNS_TTL": "5", "PLAIT_ADVERTISE": "10.0.0.7"}
    assert plait("node", "gateway", "--nats", "nats://127.0.0.1:1", env=environment).exit_code == 0
    assert (runs[0].targets, runs[0].advertise) == (("gateway",), "10.0.0.7")


def test_ctrl_c_ends_up_with_0(plait: Plait, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(options: UpOptions) -> None:
        raise KeyboardInterrupt

    _stand_in(monkeypatch, "up", run=run)
    assert plait("up").exit_code == 0


def test_a_port_in_use_is_exit_code_1(plait: Plait, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(options: UpOptions) -> None:
        raise OSError(98, "Address already in use", "127.0.0.1:8080")

    _stand_in(monkeypatch, "up", run=run)
    told = plait("up")
    assert (told.exit_code, told.stderr) == (1, "error: 127.0.0.1:8080: Address already in use\n")


def test_node_reads_flags(plait: Plait, runs: list[Any]) -> None:
    flags = "registry shop.orders:Orders --nats nats://x:1 --name n1 --label a=b --label c=d=e --locality eu/a"
    assert plait("node", *flags.split(), "--replicas", "2", "--weight", "0.5").exit_code == 0
    assert runs == [
        NodeOptions(
            targets=("registry", "shop.orders:Orders"),
            nats="nats://x:1",
            mesh="cli-test",
            name="n1",
            labels={"a": "b", "c": "d=e"},
            locality="eu/a",
            weight=0.5,
            replicas=2,
        )
    ]


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["what"],
        ["registry", "--label", "x"],
        ["registry", "--locality", "a//b"],
        ["registry", "--name", "A"],
        *(["registry", "--weight", weight] for weight in ("-1", "1e10", "nan", "heavy")),
    ],
)
def test_a_bad_node_is_a_usage_error(plait: Plait, runs: list[Any], flags: list[str]) -> None:
    assert plait("node", *flags).exit_code == 2
    assert runs == []


def test_node_reads_checks_in_every_form(plait: Plait, runs: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "checks.yaml"
    file.write_text("- exec: [pg_isready, -h, db]\n  interval: 30s\n- {http: 'https://db/ready', name: db}\n")
    forms = ["/health", "http://127.0.0.1:9000/ready", "tcp://[::1]:5432", "{tcp: 'db:1', failures: 5}", f"@{file}"]
    told = plait("node", "shop:Orders", *(word for one in forms for word in ("--check", one)), *BUS)
    assert told.exit_code == 0, told.output
    assert runs[0].checks == (
        HttpCheck("/health"),
        HttpCheck("http://127.0.0.1:9000/ready"),
        TcpCheck("[::1]:5432"),
        TcpCheck("db:1", failures=5),
        ExecCheck(("pg_isready", "-h", "db"), interval=30.0),
        HttpCheck("https://db/ready", name="db"),
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("health", "no URL as http://"),
        ("tcp://db", "no address as 127.0.0.1:5432"),
        ("{tcp: 'db:1', intervall: 3}", "intervall"),
        ("{tcp: 'db:1', interval: [1]}", "$.interval"),
        ("{tcp: 'db:1', failures: 0}", "failures is 0"),
        ("{exec: pg_isready -h db}", "exec"),
        ("{tcp: 'db:1', http: /x}", "one of http, tcp, exec"),
        ("{tcp: 'db:1', interval: soon}", "interval: 'soon' is no duration"),
        ("{interval: 3}", "one of http, tcp, exec"),
        ("{", "no YAML"),
        ("@/nowhere/checks.yaml", "No such file"),
    ],
)
def test_a_check_that_is_none_is_named_with_its_reason(plait: Plait, runs: list[Any], given: str, why: str) -> None:
    told = plait("node", "shop:Orders", "--check", given, *BUS)
    assert (told.exit_code, runs) == (2, [])
    assert why in told.stderr


def test_checks_without_a_service_are_refused(plait: Plait, runs: list[Any]) -> None:
    told = plait("node", "gateway", "--check", "/health", *BUS)
    assert told.exit_code == 2
    assert "--check needs a service" in told.stderr
