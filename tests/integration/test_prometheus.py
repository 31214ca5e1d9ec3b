"""Debian's Prometheus scrapes a running mesh: what it then knows is what happened."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from tests.integration.documents import reviews
from tests.integration.load import Client, ask

pytestmark = pytest.mark.anyio

PAGES = 800
CONFIG = """
global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}
scrape_configs:
  - {{ job_name: plait, metrics_path: /metrics/mesh, static_configs: [{{ targets: ["{target}"] }}] }}
  - {{ job_name: gateway, static_configs: [{{ targets: ["{target}"] }}] }}
"""


class Prometheus:
    """One of our own, on a free port."""

    def __init__(self, folder, admin):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(target=admin.removeprefix("http://")))
        self._log = (folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.address}",
                "--enable-feature=exemplar-storage",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def get(self, path, **query):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def values(self, query, by):
        """The value of each series, by one of its labels."""
        found = self.get("query", query=query)["result"]
        return {one["metric"].get(by, ""): float(one["value"][1]) for one in found}

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._log.close()


@pytest.fixture(scope="module")
def prometheus(lasting_mesh, tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("no `prometheus` here; Debian's package of that name has it")
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), lasting_mesh.admin)
    yield running
    running.stop()


async def until(holds, limit=20.0):
    """What `holds` gives, asked until it is true; Prometheus is asked in a thread, and may not listen yet."""
    end = time.monotonic() + limit
    while True:
        try:
            found = await asyncio.to_thread(holds)
        except OSError as error:
            found, why = None, error
        else:
            why = found
        if found:
            return found
        assert time.monotonic() < end, f"not within {limit:g} s: {why}"
        await asyncio.sleep(0.1)


async def test_requests_by_version_follow_a_split_of_90_to_10(mesh, bus, prometheus):
    await bus.apply(reviews(v1=90, v3=10))
    await ask(mesh.http, "/productpage")
    split = 'sum by (destination_version) (istio_requests_total{reporter="%s",destination_app="reviews"})'

    def counts(reporter="source"):
        return prometheus.values(split % reporter, "destination_version")

    before = await until(counts)

    async def pages():
        client = Client(mesh.http)
        for _ in range(PAGES // 8):
            assert (await client.ask("/productpage")).status == 200
        await client.close()

    await asyncio.gather(*(pages() for _ in range(8)))

    def counted(reporter):
        now = counts(reporter)
        return now if sum(now.values()) - sum(before.values()) >= PAGES else None

    for reporter in ("source", "destination"):  # the callers' word, and that of those who were called
        now = await until(lambda reporter=reporter: counted(reporter))
        grown = {version: now[version] - before.get(version, 0.0) for version in now}
        shares = {version: 100.0 * count / sum(grown.values()) for version, count in grown.items() if count}
        assert shares.get("v2", 0.0) < 2.0, "no more than what was asked before and scraped late"
        assert abs(shares["v1"] - 90.0) <= 5.0, shares

    # All of it in one scrape: every node has answered, and an edge of the mesh is there that the gateway never sees.
    assert set(prometheus.values("plait_node_answered", "node").values()) == {1.0}
    edges = prometheus.values('istio_requests_total{reporter="source",source_app="reviews"}', "destination_app")
    assert set(edges) == {"ratings"}
    assert prometheus.get("query", query='up{job="plait"} == 1')["result"]


async def test_exemplars_lead_to_a_trace_that_is_kept(mesh, bus, prometheus):
    await ask(mesh.http, "/productpage")
    query = {"query": "istio_request_duration_milliseconds_bucket", "start": time.time() - 60}

    def shown():
        found = prometheus.get("query_exemplars", **query, end=time.time() + 60)
        return [one["labels"]["trace_id"] for series in found for one in series["exemplars"]]

    traces = await until(shown)
    assert len(traces[-1]) == 32
    assert (await bus.ask("trace.show", {"id": traces[-1]}))["spans"]
