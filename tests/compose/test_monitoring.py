"""The dashboard and the alert rules name only metrics that nodes have."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
NAMES = re.compile(r"\b((?:istio|plait)_[a-z_]+)\b")
SOURCES = (
    "tracing/metrics.py",
    "tracing/istio.py",
    "tracing/page.py",
    "mesh/gauge.py",
    "mesh/health.py",
    "mesh/roles.py",
)


def dashboard():
    panels = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def rules():
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def known():
    """Every metric that the code makes, as its samples are called."""
    text = "".join((ROOT / path).read_text(encoding="utf-8") for path in SOURCES)
    made = set(re.findall(r'"((?:istio|plait)_[a-z_]+)"', text))
    return made | {f"{name}_total" for name in made} | {f"{name}_bucket" for name in made}


@pytest.mark.parametrize("expressions", [dashboard, rules])
def test_every_metric_that_is_named_is_one_that_nodes_have(expressions, known):
    named = {name for one in expressions() for name in NAMES.findall(one)}
    assert len(named) >= 8
    assert named - known == set()


def test_prometheus_takes_the_rules():
    if shutil.which("promtool") is None:
        pytest.skip("no `promtool` here; Debian's package `prometheus` has it")
    done = subprocess.run(
        ["promtool", "check", "rules", FOLDER / "alerts.yml"], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
