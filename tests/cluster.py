"""A cluster of real NATS servers on loopback, each of which can be killed, started again and told to leave."""

import json
import signal
import socket
import time
import urllib.request
from pathlib import Path

from tests.conftest import NatsServer


class Member(NatsServer):
    """One server of a cluster; its ports were free a moment ago."""

    def __init__(self, folder: Path, number: int, ports: list[int], routes: list[int], extra: str) -> None:
        route = ", ".join(f'"nats://127.0.0.1:{one}"' for one in routes)
        super().__init__(
            folder,
            f'server_name: "n{number}"\nhttp: "127.0.0.1:{ports[1]}"\n'
            f'cluster {{ name: "C", listen: "127.0.0.1:{routes[number]}", routes: [{route}] }}\n'
            # The shortest that a server takes: nothing waits for it.
            f'lame_duck_duration: "30s"\nlame_duck_grace_period: "5s"\n{extra}',
        )
        self.port, self.monitor = ports[0], ports[1]

    def leave(self) -> None:
        """Tell it to take no more clients and to send away those it has ("lame duck")."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR2)

    def healthy(self) -> bool:
        """Whether its JetStream is part of the cluster's."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/healthz", timeout=1) as answer:
                return json.load(answer)["status"] == "ok"
        except (OSError, ValueError):
            return False

    def clients(self) -> int:
        """How many clients it has."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/connz", timeout=1) as answer:
            return json.load(answer)["num_connections"]


class Cluster:
    """Three servers."""

    def __init__(self, folder: Path, extra: str = "", size: int = 3) -> None:
        ports = free_ports(3 * size)
        routes, places = ports[:size], [ports[size + 2 * one : size + 2 * one + 2] for one in range(size)]
        self.members = []
        for number in range(size):
            (folder / f"n{number}").mkdir(parents=True)
            self.members.append(Member(folder / f"n{number}", number, places[number], routes, extra))

    @property
    def url(self) -> str:
        return ",".join(one.url for one in self.members)

    def start(self) -> "Cluster":
        """Start all that do not run, and wait until JetStream has a leader and all are current."""
        for one in self.members:
            if one.process is None or one.process.poll() is not None:
                one.start()
        end = time.monotonic() + 15
        while not all(one.healthy() for one in self.members):
            assert time.monotonic() < end, "the cluster did not get well"
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        for one in self.members:
            one.kill()


def free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
