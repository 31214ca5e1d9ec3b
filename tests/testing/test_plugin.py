"""pytest's side: how many seeds a test plays, and how one of them is played again. Run in a pytest of its own."""

import subprocess
import sys

import pytest

TEST = """
import asyncio
import pytest
from plait.actors import Service, get
from plait.testing import simulate


class Clock(Service, name="clock"):
    @get("/")
    async def tell(self):
        return self.rng.random()


async def scenario(sim):
    assert (await sim.call("clock", "/")).json() < 0.9, "a late hour"


@pytest.mark.plait_seeds(2)
def test_few(plait_seed):
    simulate(scenario, services=(Clock,), seed=plait_seed)


def test_more(plait_seed):
    pass
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)

    def run(*arguments):
        command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)

    return run


def test_each_seed_is_a_test_and_the_option_says_how_many(run):
    assert "12 passed" in run().stdout
    assert "6 passed" in run("--plait-seeds=3").stdout


def test_a_seed_that_fails_is_named_and_can_be_played_alone(run):
    done = run("--plait-seeds=40", "-k", "few")
    seeds = [line.partition("[seed-")[2].partition("]")[0] for line in done.stdout.splitlines() if "FAILED" in line]
    assert 1 <= len(seeds) < 20
    again = run(f"--plait-seed={seeds[0]}", "-k", "few")
    assert f"seed {seeds[0]}: AssertionError: a late hour" in again.stdout
    assert "1 failed" in again.stdout


def test_a_number_of_seeds_that_is_none_is_refused(run):
    done = run("--plait-seeds=0")
    assert done.returncode == 4
    assert "--plait-seeds takes a number from 1, not 0" in done.stderr


def test_the_plugin_loads_nothing_of_the_mesh():
    program = "import sys, plait.testing.plugin; print([name for name in sys.modules if name.startswith('plait.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert eval(done.stdout) == ["plait.testing", "plait.testing.plugin"]
