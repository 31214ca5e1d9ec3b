"""Looks at real listeners and processes: what they say, and that nothing is left of a look that was cut."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import httptools
import pytest

from plait.actors import ExecCheck, Health, HttpCheck, TcpCheck
from plait.actors.service.health import Level
from plait.mesh.checker import outside
from plait.mesh.probe import probe

pytestmark = pytest.mark.anyio
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"


@contextlib.asynccontextmanager
async def listener(answer):
    """A server that answers each connection with these bytes, or never (None); gives its port and what it was sent."""
    heard, held = [], []

    async def serve(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            held.append(writer)
            if answer is None:
                heard.append(await reader.read())
            else:
                heard.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        if answer is None or b"content-length" not in answer:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        for writer in held:
            writer.close()
        await server.wait_closed()


async def asked(answer, path="/health", timeout=5.0):
    async with listener(answer) as (port, heard):
        health = await outside(probe, HttpCheck(f"http://127.0.0.1:{port}{path}", timeout=timeout))()
        return health, heard


@pytest.mark.parametrize(
    ("answer", "level", "text"),
    [
        (GOOD, Level.PASSING, "it answers 200 fine"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Level.PASSING, "it answers 204"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Level.PASSING, "it answers 200 until the end"),
        (b"HTTP/1.1 429 Busy\r\ncontent-length: 0\r\n\r\n", Level.WARNING, "it answers 429"),
        (b"HTTP/1.1 503 No\r\ncontent-length: 9\r\n\r\nno db\r\n\r\n", Level.CRITICAL, "it answers 503 no db"),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", Level.CRITICAL, "it answers 302"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n" + b"x" * 99999,
            Level.PASSING,
            "it answers 200 " + "x" * 200,
        ),
    ],
)
async def test_an_http_server_is_judged_by_its_status(answer, level, text):
    health, heard = await asked(answer)
    assert (health, heard[0].split(b"\r\n")[0]) == (Health(level, text), b"GET /health HTTP/1.1")


async def test_the_query_goes_with_the_path_and_a_host_without_a_path_is_asked_for_its_root():
    for path, line in (("/a/b?c=d", b"GET /a/b?c=d HTTP/1.1"), ("", b"GET / HTTP/1.1")):
        _, heard = await asked(GOOD, path)
        assert heard[0].startswith(line)


async def test_what_is_no_answer_is_critical_and_says_so():
    assert "closed the connection" in (await asked(b""))[0].text
    with pytest.raises(httptools.HttpParserError, match="HTTP"):
        await asked(b"SSH-2.0-OpenSSH\r\n")


async def test_a_server_that_never_answers_is_cut_and_its_connection_closed(until):
    async with listener(None) as (port, heard):
        health = await outside(probe, HttpCheck(f"http://127.0.0.1:{port}/", timeout=0.1))()
        assert health == Health.critical("no answer within 0.1 s")
        await until(lambda: heard)  # the server's end sees the connection end


async def test_a_port_passes_where_somebody_listens():
    async with listener(None) as (port, _):
        assert await outside(probe, TcpCheck(f"127.0.0.1:{port}"))() == Health.passing()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await probe(TcpCheck(f"127.0.0.1:{port}"))


def python(code, **how):
    return ExecCheck((sys.executable, "-S", "-c", code), **{"timeout": 20.0, **how})


@pytest.mark.parametrize(
    ("code", "level", "text"),
    [
        ("print('ready')", Level.PASSING, "ready"),
        ("raise SystemExit(1)", Level.WARNING, "exit status 1"),
        ("import sys; sys.exit('disk slow')", Level.WARNING, "disk slow"),
        ("print('gone'); raise SystemExit(2)", Level.CRITICAL, "exit status 2: gone"),
        ("import os; os.kill(os.getpid(), 9)", Level.CRITICAL, "killed by SIGKILL"),
        ("print('x' * 200_000)", Level.PASSING, "x" * 200),
        ("import sys; print(repr(sys.stdin.read()))", Level.PASSING, "''"),
    ],
)
async def test_a_program_is_judged_by_its_exit_status(code, level, text):
    assert await outside(probe, python(code))() == Health(level, text)


async def test_no_shell_takes_the_words_apart():
    health = await outside(probe, ExecCheck(("echo", "$HOME;", "*"), timeout=20.0))()
    assert health == Health.passing("$HOME; *")


async def test_a_program_that_is_not_there_is_critical_and_named():
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        await probe(ExecCheck(("no-such-program",)))


def alive(pid):
    """Whether a process is there, also as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
async def test_a_program_that_hangs_is_killed_with_what_it_started_and_no_zombie_is_left(tmp_path, until):
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; trap '' TERM; wait; sleep 60"
    looking = asyncio.ensure_future(probe(ExecCheck(("sh", "-c", script))))
    await until(pids.exists)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    program, child = map(int, pids.read_text().split())
    assert not alive(program)
    await until(lambda: not alive(child) or _state(child) == "Z")  # not ours to reap: init does


def _state(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _open():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
async def test_one_that_leaves_a_process_behind_with_its_output_open_is_not_waited_for_nor_leaks(tmp_path):
    pid = tmp_path / "pid"
    check = ExecCheck(("sh", "-c", f"sleep 60 & echo $! > {pid}; echo ready"), timeout=20.0)
    assert await outside(probe, check)() == Health.passing("ready")
    os.kill(int(pid.read_text()), 9)
    before = _open()
    for _ in range(3):
        await outside(probe, check)()
        os.kill(int(pid.read_text()), 9)
    await asyncio.sleep(0)
    assert _open() <= before
