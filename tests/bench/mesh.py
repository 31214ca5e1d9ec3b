"""The two layouts under load, alike: a nats-server, a gateway process, and one process for every service."""

import asyncio
import contextlib
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from plait.mesh.nats_binary import find_nats_server
from plait.mesh.nats_server import EmbeddedNats

from .process import Process, Unready, all_of

ROOT = Path(__file__).parents[2]
"""The checkout: processes are started here, so that `tests.bench` can be imported."""
SAMPLING = 0.01
"""Share of the requests that plait traces."""
PATHS = {"echo": "/", "page": "/productpage"}
"""The workloads: what is asked of either gateway."""
SERVICES = {
    "echo": "tests.bench.echo:Echo",
    "ratings": "plait.examples.bookinfo.ratings:Ratings",
    "details": "plait.examples.bookinfo.details:Details",
    # Version 2 alone: each page then takes the same four inner calls as the ceiling's.
    "reviews": "plait.examples.bookinfo.reviews:ReviewsV2",
    "productpage": "plait.examples.bookinfo.productpage:ProductPage",
}
POLICY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: bench}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 8080, name: http, protocol: HTTP}
      hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bench}
spec:
  hosts: ["*"]
  gateways: [bench]
  http:
    - match: [{uri: {exact: /}}]
      route: [{destination: {host: echo}}]
    - match: [{uri: {exact: /productpage}}]
      route: [{destination: {host: productpage}}]
"""
_PAGE_PARTS = {"ceiling": (b"stars", b"ISBN-13"), "plait": (b"Reviewer1", b"star")}
_BROKEN = b"currently unavailable"


@dataclass(frozen=True)
class Layout:
    """A mesh that answers: `pids` by process name, `sizes` of a good answer's body in bytes by workload."""

    name: str
    url: str
    pids: dict[str, int]
    sizes: dict[str, int]
    nats: str = ""
    """Where the bus is, for those who change the mesh meanwhile."""


def plait_command() -> Path:
    """The `plait` of this interpreter."""
    return Path(sysconfig.get_path("scripts")) / "plait"


@contextlib.asynccontextmanager
async def ceiling(folder: Path) -> AsyncGenerator[Layout]:
    """The lean ceiling, with a nats-server in its defaults; logs go to `folder`.

    Raises:
        Unready: a part of it does not come up.
    """
    with all_of([]) as started:
        listen = ["--addr", "127.0.0.1", "--port", "-1"]
        nats = Process("nats-server", [find_nats_server(), *listen], folder)
        started.append(nats)
        port = await asyncio.to_thread(_listening, nats)
        for role in (*SERVICES, "gateway"):
            command = [sys.executable, "-m", "tests.bench.ceiling", role, "--nats", str(port)]
            started.append(Process(role, command, folder))
        for process in started[1:]:
            await asyncio.to_thread(process.wait_ready)
        pids = {process.name: process.pid for process in started}
        url = started[-1].value("http")
        yield Layout("ceiling", url, pids, await asyncio.to_thread(_answers, "ceiling", url))


@contextlib.asynccontextmanager
async def plait(folder: Path) -> AsyncGenerator[Layout]:
    """plait with all it does: one node for the control plane, one for the gateway, one for each service.

    Logs go to `folder`.

    Raises:
        Unready: a part of it does not come up.
    """
    env = {"PLAIT_SAMPLING": str(SAMPLING), "PLAIT_OTLP": ""}
    async with EmbeddedNats() as nats:
        with all_of([]) as started:

            def node(name: str, targets: list[str], *more: str) -> None:
                command = [plait_command(), "node", *targets, "--nats", nats.url, "--name", f"bench-{name}", *more]
                started.append(Process(name, command, folder, env=env))

            node("control", ["registry", "policy", "traces"], "--nats-sys", nats.system_url)
            await asyncio.to_thread(started[0].wait_ready)
            node("gateway", ["gateway"], "--http", "127.0.0.1:0", "--label", "istio=ingressgateway")
            for name, target in SERVICES.items():
                node(name, [target])
            for process in started:
                await asyncio.to_thread(process.wait_ready)
            await asyncio.to_thread(_apply, nats.url)
            pids = {"nats-server": nats.pid} | {process.name: process.pid for process in started}
            url = started[1].value("http")
            yield Layout("plait", url, pids, await asyncio.to_thread(_answers, "plait", url), nats.url)


def _listening(nats: Process) -> int:
    """The port that nats-server logs: `Listening for client connections on 127.0.0.1:4222`."""
    end = time.perf_counter() + 10
    while time.perf_counter() < end:
        for line in nats.lines():
            if "Listening for client connections on " in line:
                return int(line.rpartition(":")[2])
        time.sleep(0.005)
    raise Unready("nats-server did not say where it listens")


def _apply(nats: str) -> None:
    command = [str(plait_command()), "apply", "-f", "-", "--wait", "--nats", nats]
    done = subprocess.run(command, input=POLICY, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise Unready(f"plait apply ended with status {done.returncode}: {done.stderr.strip()}")


def _answers(name: str, url: str, patience: float = 10.0) -> dict[str, int]:
    """Ask until both workloads are answered whole: a fast error page must not pass for a page."""
    end = time.perf_counter() + patience
    sizes: dict[str, int] = {}
    said = ""
    for workload, path in PATHS.items():
        while workload not in sizes:
            try:
                with urllib.request.urlopen(url + path, timeout=5) as answer:
                    body: bytes = answer.read()
                wanted = (b"hello",) if workload == "echo" else _PAGE_PARTS[name]
                if all(part in body for part in wanted) and _BROKEN not in body:
                    sizes[workload] = len(body)
                    break
                said = f"an incomplete {workload}: {body[:200]!r}"
            except urllib.error.HTTPError as error:
                said = f"{error.code} {error.read()[:200]!r}"
                error.close()
            except OSError as error:
                said = str(error)
            if time.perf_counter() > end:
                raise Unready(f"{name} does not answer {path}: {said}")
            time.sleep(0.02)
    return sizes
