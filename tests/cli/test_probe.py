"""probe: what an admin address says becomes an exit code and one line."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from click.testing import Result

Plait = Callable[..., Result]


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every GET as its server is told, and notes the path."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        status, body = self.server.says  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def node() -> Iterator[http.server.HTTPServer]:
    """What stands for an admin address: `asked` holds paths, `says` is its status and body."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    server.asked, server.says = [], (200, b"ready\n")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_ready_node_is_exit_code_0(plait: Plait, node) -> None:
    told = plait("probe", str(node.server_port))
    assert (told.exit_code, told.stdout, node.asked) == (0, "ready\n", ["/readyz"])


def test_a_node_that_is_not_ready_is_exit_code_3_with_its_reason(plait: Plait, node) -> None:
    node.says = (503, b"not connected to the bus\n")
    told = plait("probe", str(node.server_port))
    assert told.exit_code == 3
    assert "503" in told.stderr
    assert "not connected to the bus" in told.stderr


def test_live_asks_for_the_other_page(plait: Plait, node) -> None:
    plait("probe", "--live", str(node.server_port))
    assert node.asked == ["/healthz"]


def test_the_address_may_be_the_one_that_the_node_listens_on(plait: Plait, node, monkeypatch) -> None:
    monkeypatch.setenv("PLAIT_ADMIN", f"0.0.0.0:{node.server_port}")
    assert plait("probe").exit_code == 0


def test_a_url_names_a_page_of_its_own(plait: Plait, node) -> None:
    assert plait("probe", f"http://localhost:{node.server_port}/varz?x=1").exit_code == 0
    assert plait("probe", f"http://127.0.0.1:{node.server_port}").exit_code == 0
    assert node.asked == ["/varz?x=1", "/readyz"]


def test_a_long_or_hostile_answer_is_one_printable_line(plait: Plait, node) -> None:
    node.says = (200, b"a\x1b[2J\xff" + b"b" * 100_000 + b"\nsecond")
    told = plait("probe", str(node.server_port))
    assert told.exit_code == 0
    assert len(told.stdout) < 5000
    assert "\x1b" not in told.stdout


def test_nobody_there_is_exit_code_6(plait: Plait) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert plait("probe", str(port)).exit_code == 6


def test_what_speaks_no_http_is_exit_code_6(plait: Plait, nats_server) -> None:
    told = plait("probe", str(nats_server.port))
    assert told.exit_code == 6
    assert "does not speak HTTP" in told.stderr


def test_silence_is_exit_code_7(plait: Plait) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert plait("probe", str(silent.getsockname()[1]), "--timeout", "0.1").exit_code == 7


@pytest.mark.parametrize("place", ["127.0.0.1", "https://127.0.0.1/", "http://a b/", "http:///x", "x:99999", ""])
def test_what_is_no_address_is_a_usage_error(plait: Plait, place: str) -> None:
    assert plait("probe", place).exit_code == 2
