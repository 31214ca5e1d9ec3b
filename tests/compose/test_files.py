"""The files of compose/ without an engine: what they promise of ports, users, health, images, and each other."""

import os
import re
import subprocess
import sys
import sysconfig
import types
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import plait.mesh
from plait.cli.app import app
from plait.examples import bookinfo
from plait.mesh.options import Listen

FOLDER = Path(__file__).parents[2] / "compose"
STACK = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = STACK["services"]
NODES = {name: one for name, one in SERVICES.items() if one.get("command", [""])[:1] == ["node"]}
OWN = {name: one for name, one in SERVICES.items() if "PLAIT_IMAGE" in one["image"]}
LASTING = sorted(OWN.keys() - {"first-policy"})


def test_only_loopback_ports_are_published():
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert len(ports) >= 6
    assert [port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\$\{\w+-\d+\}:\d+(/udp)?", port)] == []


def test_images_of_others_are_pinned_by_digest():
    others = [one["image"] for name, one in SERVICES.items() if name not in OWN]
    assert len(others) == 2
    assert [image for image in others if not re.fullmatch(r".+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", image)] == []


@pytest.mark.parametrize("service", sorted(OWN))
def test_our_containers_have_no_rights_and_write_nothing(service):
    one = OWN[service]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in one
    assert all(":ro" in volume or volume.endswith(":/data") for volume in one.get("volumes", ()))


def test_the_image_runs_as_a_user_without_rights():
    users = re.findall(r"^USER (\S+)$", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert users == ["plait"]


@pytest.mark.parametrize("service", LASTING)
def test_our_containers_are_watched_and_started_again(service):
    one = OWN[service]
    assert one["restart"] == "unless-stopped"
    assert one["init"] is True
    assert one["healthcheck"]["test"][:3] == ["CMD", "plait", "probe"]


@pytest.mark.parametrize("node", sorted(NODES))
def test_nodes_have_the_time_to_drain_and_end_before_the_bus(node):
    assert int(NODES[node]["stop_grace_period"].rstrip("s")) > 30  # what `plait drain` takes at most

    def below(service: str) -> set[str]:
        needs = set(SERVICES[service].get("depends_on", ()))
        return needs.union(*(below(need) for need in needs))

    assert {"nats-1", "nats-2", "nats-3"} <= below(node)


def test_what_there_must_be_two_or_three_of_is_there():
    roles = [one["command"][1] for one in NODES.values()]
    assert {role: roles.count(role) for role in ("registry", "policy", "gateway", "dns")} == {
        "registry": 2,
        "policy": 2,
        "gateway": 2,
        "dns": 1,
    }
    assert sorted(role for role in roles if ":" in role) == sorted(bookinfo.SERVICES)


@pytest.mark.parametrize("node", sorted(NODES))
def test_each_node_is_one_that_the_command_line_takes(node, monkeypatch):
    ran = []
    stand_in = types.ModuleType("plait.mesh.run")
    stand_in.run_node = ran.append
    monkeypatch.setitem(sys.modules, "plait.mesh.run", stand_in)
    monkeypatch.setattr(plait.mesh, "run", stand_in, raising=False)
    environment = {name: re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", value) for name, value in _environment(node).items()}
    told = CliRunner(env=environment).invoke(app, NODES[node]["command"])
    assert told.exit_code == 0, told.output
    (options,) = ran
    assert options.nats.count("nats://") == 3
    assert options.admin == Listen("0.0.0.0", 8081)
    assert options.http == ((Listen("0.0.0.0", 8080),) if "gateway" in options.targets else ())
    assert options.dns == (Listen("0.0.0.0", 8600) if "dns" in options.targets else None)
    assert options.otlp == "http://jaeger:4318"
    assert bool(options.nats_sys) == ("registry" in options.targets)


def _environment(node: str) -> dict[str, str]:
    return NODES[node]["environment"]


def test_prometheus_asks_every_node():
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert sorted(names["names"]) == sorted(NODES)
    assert names["port"] == 8081


def test_the_bus_takes_its_configuration_and_writes_at_once(tmp_path):
    config = (FOLDER / "nats.conf").read_text(encoding="utf-8")
    assert re.search(r"^  sync_interval: always$", config, re.MULTILINE)
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    done = subprocess.run(
        [server, "-t", "-c", FOLDER / "nats.conf"],
        env={**os.environ, "NATS_NAME": "nats-1", "NATS_SYS_PASSWORD": "x"},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in ("nats-1", "nats-2", "nats-3"):
        assert f"nats://{name}:6222" in config
        assert SERVICES[name]["environment"]["NATS_NAME"] == name
        assert f"{name}:/data" in SERVICES[name]["volumes"]


def test_settings_that_the_example_names_are_those_there_are():
    example = set(re.findall(r"^#?(\w+)=", (FOLDER / ".env").read_text(encoding="utf-8"), re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text(encoding="utf-8")))
    assert example == used | {"COMPOSE_PROJECT_NAME"}
