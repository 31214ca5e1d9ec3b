"""Mesh files: what they say becomes settings, and every mistake is told with its place."""

from pathlib import Path

import pytest

import plait.examples.bookinfo
from plait.actors import ExecCheck, HttpCheck
from plait.examples.bookinfo.policies import first_policy
from plait.mesh.mesh_file import Unfit, parse, read
from plait.mesh.options import Listen, UpOptions
from plait.mesh.plan import Restart, plans_of

WHOLE = """
mesh: shop
nats: nats://10.0.0.5:4222
state: kept
otlp: http://127.0.0.1:4318
sampling: 0.5
advertise: 10.0.0.7
locality: eu/b
accessLog: requests.log
accessLogFormat: json
logFormat: json
logLevel: info
admin: 9001
natsSys: nats://sys@10.0.0.5:4222
gateway: {http: [9000, "127.0.0.1:9443=443"], trustedHops: 1}
dns: {listen: 8600, forward: "10.0.0.1:53", ttl: 5s}
egress: true
registry: {replicas: 2}
policy: {replicas: 3}
policies: [rules.yaml]
services:
  orders:
    target: orders:Orders
    replicas: 2
    environment: {LOG: debug}
    labels: {track: canary}
    locality: eu/a
    weight: 2.5
    restart: on-failure
    backoff: {initial: 1s, max: 5s, tries: 0}
    pythonPath: [more]
    health: [/health, {exec: [pg_isready], timeout: 500ms, interval: 7}]
  idle: {target: "orders:Orders", replicas: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").touch()
    (tmp_path / "rules.yaml").touch()
    (tmp_path / "more").mkdir()
    return tmp_path


def problems(text: str, folder: Path) -> list[tuple[int, str, str]]:
    with pytest.raises(Unfit) as raised:
        parse(text.encode(), folder)
    return [(one.line, one.path, f"{one.message} | {one.hint}") for one in raised.value.problems]


def test_a_file_says_all_that_flags_can(folder: Path) -> None:
    described = parse(WHOLE.encode(), folder)
    elsewhere = {"policy", "login", "system_login"}  # read from files it names; secrets stand in no mesh file
    assert {*described.settings, *elsewhere} == set(UpOptions.__struct_fields__), "a flag that the file does not know"
    options = UpOptions(**described.settings)
    assert (options.access_log, options.access_log_format) == (str(folder / "requests.log"), "json")
    assert (options.log_format, options.log_level) == ("json", "info")
    assert (options.nats_sys, options.trusted_hops) == ("nats://sys@10.0.0.5:4222", 1)
    assert (options.mesh, options.nats, options.state) == ("shop", "nats://10.0.0.5:4222", str(folder / "kept"))
    assert (options.otlp, options.sampling, options.advertise) == ("http://127.0.0.1:4318", 0.5, "10.0.0.7")
    assert options.http == (Listen("127.0.0.1", 9000), Listen("127.0.0.1", 9443, 443))
    assert (options.admin, options.locality) == (Listen("127.0.0.1", 9001), "eu/b")
    assert (options.dns, options.dns_forward) == (Listen("127.0.0.1", 8600), Listen("10.0.0.1", 53))
    assert (options.dns_ttl, options.registries, options.engines) == (5, 2, 3)
    assert described.policies == (str(folder / "rules.yaml"),)


def test_a_service_becomes_a_plan(folder: Path) -> None:
    (plan,) = parse(WHOLE.encode(), folder).settings["services"]
    assert (plan.name, plan.targets, plan.replicas) == ("orders", ("orders:Orders",), 2)
    assert (plan.environment, plan.labels) == ({"LOG": "debug"}, {"track": "canary"})
    assert (plan.locality, plan.weight) == ("eu/a", 2.5)
    assert (plan.restart, plan.patience.backoff.base, plan.patience.tries) == (Restart.ON_FAILURE, 1.0, 0)
    assert plan.checks == (HttpCheck("/health"), ExecCheck(("pg_isready",), interval=7.0, timeout=0.5))
    assert (plan.directory, plan.python_path) == (str(folder.resolve()), (str((folder / "more").resolve()),))


def test_further_registries_and_engines_have_processes_of_their_own(folder: Path) -> None:
    plans = UpOptions(**parse(WHOLE.encode(), folder).settings).plans
    assert [(plan.targets, plan.replicas) for plan in plans[:2]] == [(("registry",), 1), (("policy",), 2)]


def test_what_a_file_does_not_mention_is_left_to_the_flags(folder: Path) -> None:
    assert parse(b"", folder).settings == {"app": (), "services": ()}


def test_the_file_of_bookinfo_describes_what_up_runs_without_a_file() -> None:
    described = read(Path(plait.examples.bookinfo.__file__).parent / "mesh.yaml")
    options, usual = UpOptions(**described.settings), UpOptions()
    assert {plan.name: plan.targets for plan in options.plans} == {
        plan.name: plan.targets for plan in plans_of(usual.app)
    }
    assert (options.http, options.admin, options.dns, options.state) == (usual.http, usual.admin, None, "")
    assert "---\n".join(Path(one).read_text() for one in described.policies) == first_policy()


def test_all_mistakes_are_told_at_once_with_line_path_and_what_was_meant(folder: Path) -> None:
    told = problems(
        """
gatway: {}
sampling: 2
policies: [nope.yaml]
services:
  Orders: {target: "orders:Orders"}
  a: {target: orders, replica: 2, restart: onfailure}
  b: {target: "ordres:Orders", env: {A: b}}
  c: {directory: nowhere}
""",
        folder,
    )
    expected = [
        (2, "$.gatway", "did you mean $.gateway?"),
        (3, "$.sampling", "more than 1"),
        (4, "$.policies[0]", "no file or folder"),
        (6, "$.services.Orders", "RFC 1123"),
        (7, "$.services.a.target", "module:Class"),
        (7, "$.services.a.replica", "$.services.a.replicas"),
        (7, "$.services.a.restart", "'on-failure'"),
        (8, "$.services.b.env", "$.services.b.environment"),
        (8, "$.services.b.target", "did you mean 'orders'?"),
        (9, "$.services.c.directory", "no folder"),
        (9, "$.services.c.target", "needs a target"),
    ]
    assert [(line, path) for line, path, _ in told] == [(line, path) for line, path, _ in expected]
    assert all(word in message for (_, _, message), (_, _, word) in zip(told, expected, strict=True)), told


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("mesh: a.b", "RFC 1123"),
        ("mesh: [", "not valid YAML"),
        ("mesh: a\nmesh: b", "twice"),
        ("a: 1\n---\nb: 2", "one document"),
        ("[1]", "expected a mapping"),
        ("nats: localhost", "no URL"),
        ("advertise: 0.0.0.0", "no IP address"),
        ("admin: 8081=80", "maps a port"),
        ("gateway: {http: [http://x]}", "no address"),
        ("dns: {ttl: 5s}", "needs an address"),
        ("dns: {listen: 53, forward: '10.0.0.1:0'}", "no port"),
        ("registry: {replicas: 0}", "less than 1"),
        ("services: {a: {target: []}}", "no target"),
        ("services: {a: {target: ['orders:A', 'orders:A']}}", "twice"),
        ("services: {a: {target: 'orders:A', backoff: {initial: 2s, max: 1s}}}", "less than initial"),
        ("services: {a: {target: 'orders:A', environment: {'A=B': x}}}", "cannot stand"),
        ("services: {a: {target: 'orders:A', locality: a/b/c/d}}", "no locality"),
        ("services: {a: {target: 'orders:A', weight: -1}}", "less than 0"),
        ("services: {a: {target: 'orders:A', weight: 1000000001}}", "more than"),
        ("locality: eu//a", "no locality"),
        (f"services: {{{'a' * 41}: {{target: 'orders:A'}}}}", "at most 40"),
    ],
)
def test_a_bad_value_is_refused(folder: Path, text: str, word: str) -> None:
    ((_, _, message),) = problems(text, folder)
    assert word in message


def test_a_password_in_a_url_is_not_told(folder: Path) -> None:
    ((_, _, message),) = problems("nats: 'user:secret@host'", folder)
    assert "secret" not in message


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    with pytest.raises(Unfit, match="UTF-8"):
        parse(b"mesh: a\n\xff", folder)


def test_a_health_check_that_is_none_is_told_with_its_place(folder: Path) -> None:
    text = "services:\n  orders:\n    target: orders:Orders\n    health: [/health, {tcp: nowhere}]\n"
    told = "check 2: 'nowhere' is no address as 127.0.0.1:5432 | docs/health.md has all kinds"
    assert problems(text, folder) == [(4, "$.services.orders.health", told)]
    ((_, _, told),) = problems(text.replace("[/health, {tcp: nowhere}]", "/health"), folder)
    assert told.startswith("health is a list of checks")
