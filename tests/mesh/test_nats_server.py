"""The embedded nats-server on a real process: quick, private, durable, and gone when it is stopped."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from plait.actors.messages.error import StartFailed
from plait.mesh.nats_binary import find_nats_server
from plait.mesh.nats_server import EmbeddedNats

pytestmark = [pytest.mark.anyio, pytest.mark.process]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    server = EmbeddedNats(tmp_path, monitor=True)
    async with asyncio.timeout(20):
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


async def _connect(url: str) -> Client:
    return await asyncio.wait_for(nats.connect(url, max_reconnect_attempts=1, allow_reconnect=False), 5)


async def test_it_listens_on_loopback_within_a_second(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    begin = asyncio.get_running_loop().time()
    async with asyncio.timeout(20), server:
        assert asyncio.get_running_loop().time() - begin < 1.0
        assert server.running
        assert server.url.startswith("nats://127.0.0.1:")
        assert not server.url.endswith((":-1", ":4222"))


async def test_a_key_value_bucket_works_and_every_write_is_synced(server: EmbeddedNats) -> None:
    client = await _connect(server.url)
    bucket = await client.jetstream().create_key_value(bucket="rules")
    await bucket.put("r.1", b"one")
    assert (await bucket.get("r.1")).value == b"one"
    await client.close()
    pages = await asyncio.to_thread(_read, f"{server.monitor_url}/jsz?config=1")
    assert json.loads(pages)["config"]["sync_always"] is True


async def test_the_system_account_sees_a_killed_client(server: EmbeddedNats) -> None:
    system = await _connect(server.system_url)
    seen: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def note(message: Msg) -> None:
        seen.put_nowait(json.loads(message.data)["client"])

    await system.subscribe("$SYS.ACCOUNT.*.DISCONNECT", cb=note)
    await system.flush()
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLIENT, str(server.url), stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    name = (await asyncio.wait_for(client.stdout.readline(), 10)).decode().strip()
    client.kill()
    gone = await asyncio.wait_for(seen.get(), 5)
    assert str(gone["id"]) == name
    await client.wait()
    await system.close()


async def test_the_system_user_can_publish_nothing_that_changes_or_tells_more(server: EmbeddedNats) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        refused.put_nowait(str(error))

    system = await nats.connect(server.system_url, error_cb=note)
    await system.publish("$SYS.REQ.SERVER.PING", b"")
    await system.subscribe("$SYS.ACCOUNT.*.LEAFNODE.CONNECT")
    for _ in range(2):
        assert "permissions violation" in (await asyncio.wait_for(refused.get(), 5)).lower()
    await system.close()


async def test_a_client_without_credentials_sees_no_system_subject(server: EmbeddedNats) -> None:
    client = await _connect(server.url)
    heard: list[str] = []
    told = asyncio.Event()

    async def note(message: Msg) -> None:
        heard.append(message.subject)
        if message.subject == "last":
            told.set()

    await client.subscribe("$SYS.>", cb=note)
    await client.subscribe("last", cb=note)
    await client.flush()
    other = await _connect(server.url)
    await other.close()
    await client.publish("last", b"")
    await asyncio.wait_for(told.wait(), 5)
    assert heard == ["last"]
    await client.close()


async def test_a_wrong_system_password_is_refused(server: EmbeddedNats) -> None:
    # Said by hand: nats-py leaves its socket open when it is refused.
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"INFO ")
    writer.write(b'CONNECT {"user":"plait-sys","pass":"guess","verbose":false}\r\nPING\r\n')
    assert b"Authorization Violation" in await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()


async def test_the_configuration_is_private(server: EmbeddedNats) -> None:
    config = server.folder / "nats.conf"
    assert config.stat().st_mode & 0o777 == 0o600
    assert server.folder.stat().st_mode & 0o077 == 0


async def test_stop_leaves_no_process_and_no_folder() -> None:
    server = EmbeddedNats()
    await server.start()
    folder, pid = server.folder, server.pid
    await server.stop()
    assert not server.running
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_after_a_crash_it_comes_back_at_the_same_address_with_its_buckets() -> None:
    server = EmbeddedNats()
    await server.start()
    url = server.url
    client = await _connect(url)
    await (await client.jetstream().create_key_value(bucket="rules")).put("r.1", b"one")
    await client.close()
    server.kill()
    assert not server.running
    await server.start()
    assert server.url == url
    client = await _connect(url)
    assert (await (await client.jetstream().key_value("rules")).get("r.1")).value == b"one"
    await client.close()
    await server.stop()


async def test_two_servers_cannot_share_a_state_folder(server: EmbeddedNats, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="in use by another"):
        await EmbeddedNats(tmp_path).start()
    assert server.running


async def test_a_taken_port_is_named_in_the_error(server: EmbeddedNats) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(StartFailed, match="address already in use"):
        await EmbeddedNats(port=port).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent dies")
async def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(10):
        while _lives(pid):  # noqa: ASYNC110  -- another process: no event tells
            await asyncio.sleep(0.01)


def test_a_named_program_that_cannot_run_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NATS_SERVER_BIN", str(tmp_path / "nothing"))
    with pytest.raises(StartFailed, match="NATS_SERVER_BIN names"):
        find_nats_server()


def test_the_program_is_found_beside_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NATS_SERVER_BIN", raising=False)
    monkeypatch.setenv("PATH", "")
    shown = subprocess.run([find_nats_server(), "--version"], capture_output=True, text=True, check=True, timeout=10)
    assert shown.stdout.startswith("nats-server: v2.")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked for its status yet


_CLIENT = """
import asyncio, sys, nats
async def main():
    client = await nats.connect(sys.argv[1])
    print(client.client_id, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""

_PARENT = """
import asyncio, sys
from pathlib import Path
from plait.mesh.nats_server import EmbeddedNats
async def main():
    server = EmbeddedNats(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
