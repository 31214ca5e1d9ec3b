"""One running stack of compose.yaml: what it is asked, what it loses, how it ends."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import yaml

from tests.compose import engine

FOLDER = engine.ROOT / "compose"
FILES = (FOLDER / "compose.yaml", engine.ROOT / "tests" / "compose" / "collector.yaml")
ELSEWHERE = ("prometheus",)
"""Services whose images are the world's: left out. `collector.yaml` puts a stand-in in Jaeger's place."""
ENDS = ("first-policy",)
"""Services that end when their work is done."""


class Stack:
    """A compose project of its own, on free ports."""

    def __init__(self, program: list[str]) -> None:
        project = f"plait-test-{os.getpid()}"
        self._command = [*program, "-p", project, *(part for file in FILES for part in ("-f", str(file)))]
        self.services = [name for name in yaml.safe_load(FILES[0].read_text())["services"] if name not in ELSEWHERE]
        ports = ("GATEWAY_1", "GATEWAY_2", "NATS_1", "NATS_2", "NATS_3", "JAEGER", "DNS")
        self.containers: dict[str, str] = {}
        """Ids by service."""
        self._environment = {**os.environ, "PLAIT_IMAGE": engine.IMAGE, **{f"{one}_PORT": "" for one in ports}}

    def compose(self, *arguments: str, limit: float = 60, stdin: str | None = None) -> str:
        """Run one command of compose; AssertionError with its words when it fails."""
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        assert done.returncode == 0, f"compose {' '.join(arguments)}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def up(self) -> "Stack":
        """Start everything; returns once all is healthy."""
        self.compose("up", "-d", "--no-build", *self.services, limit=120)
        self.containers = engine.services(self.compose("ps", "-q", "-a").split())
        self.whole()
        return self

    def whole(self, limit: float = 60) -> None:
        """Wait until every container is healthy, and what is to end has ended well."""
        wait_for(lambda: not self.amiss(), limit, lambda: f"{self.amiss()}\n{self.logs()}")

    def amiss(self) -> dict[str, tuple[str, int]]:
        """Services that are not as they should be, with their state and exit code."""
        states = self.states()
        wanted = {name: ("exited", 0) if name in ENDS else ("healthy", 0) for name in self.services}
        wanted["jaeger"] = ("running", 0)
        return {name: states.get(name, ("missing", -1)) for name in wanted if states.get(name) != wanted[name]}

    def states(self) -> dict[str, tuple[str, int]]:
        """Each service's health, or state where it has no health, and its exit code."""
        return engine.states(list(self.containers.values()))

    def kill(self, service: str) -> None:
        """End a container without a farewell; the engine leaves it dead."""
        engine.run("docker", "kill", "-s", "KILL", self.containers[service], limit=20)

    def start(self, *services: str) -> None:
        """Start containers that have ended."""
        self.compose("start", *services)

    def inside(self, service: str, *command: str, stdin: str = "") -> str:
        """Run a command within a container; engine.Missing with its words when it fails."""
        return engine.run("docker", "exec", "-i", self.containers[service], *command, limit=60, input=stdin)

    def port(self, service: str, inner: str) -> int:
        """The port of this machine's loopback that stands for one of a container, as in `8600/udp`."""
        host, _, port = engine.run("docker", "port", self.containers[service], inner, limit=20).strip().rpartition(":")
        assert host == "127.0.0.1"
        return int(port)

    def get(self, service: str, path: str) -> tuple[int, str]:
        """GET a page of a gateway; its status, 0 where nobody answers within 5 s, and its body."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port(service, '8080/tcp')}{path}", timeout=5
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def logs(self) -> str:
        """The last lines of every container."""
        return self.compose("logs", "--no-color", "--tail", "5")[-6000:]

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("down", "-v", "--remove-orphans", "-t", "5", limit=90)


def wait_for(holds: Callable[[], Any], limit: float, told: Callable[[], str]) -> Any:
    """Return what `holds` gives once that is true; fails after `limit` seconds with what `told` says."""
    end = time.monotonic() + limit
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {limit:g} s: {told()}"
        time.sleep(0.2)
    return found


def lines(text: str) -> list[dict[str, Any]]:
    """What `-o jsonl` printed."""
    return [json.loads(line) for line in text.splitlines()]
