"""What the doctor finds, and the checks of this machine: Python, nats-server, run file, addresses, clock."""

import asyncio
import enum
import sys
import time
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from ..actors.messages.error import StartFailed
from ..mesh import run_file
from ..mesh.nats_binary import find_nats_server

OLDEST_PYTHON = (3, 11)
PATIENCE = 2.0
"""Seconds for an HTTP answer."""
SKEW = 2.0
"""Seconds by which two clocks may differ: dates have whole seconds."""


class Verdict(enum.Enum):
    """How a check came out; its mark says the same without colour."""

    GOOD = "√"
    WARNING = "!"
    FAILED = "×"  # noqa: RUF001  -- a mark, no letter


class Finding(NamedTuple):
    """One check and how it came out."""

    check: str
    verdict: Verdict
    message: str
    hint: str = ""


def python() -> Finding:
    """Check the interpreter's version."""
    version = ".".join(str(one) for one in sys.version_info[:3])
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Finding("python", Verdict.GOOD, f"Python {version}")
    return Finding("python", Verdict.FAILED, f"Python {version}", "plait needs Python 3.11 or later")


def nats_binary() -> Finding:
    """Check that there is a nats-server to start; a mesh on a bus of others works without it."""
    try:
        return Finding("nats-server", Verdict.GOOD, str(find_nats_server()))
    except StartFailed as error:
        what, _, hint = str(error).partition(": ")
        return Finding("nats-server", Verdict.WARNING, what, f"{hint}; only `plait up` without --nats needs it")


def private_files(mesh: str) -> Finding:
    """Check that nobody else can put an address into this user's run file."""
    there = [path for path in run_file.places(mesh) if path.exists()]
    for path in there:
        if wrong := run_file.problem(path):
            return Finding("run file", Verdict.FAILED, f"{path} {wrong}", f"remove it, or `chmod go= {path.parent}`")
    if run_file.read(mesh) is None:
        return Finding("run file", Verdict.GOOD, "none: no `plait up` runs here")
    return Finding("run file", Verdict.GOOD, f"{there[0]} is private")


async def http(check: str, url: str, path: str, *, healthy: bool) -> tuple[Finding, float | None]:
    """Ask for a page; `healthy` wants a 2xx, else any answer will do. Also gives the server's clock, less ours."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
            finally:
                writer.close()
    except TimeoutError:
        return _silent(check, url, f"no answer within {PATIENCE:g} s"), None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        return _silent(check, url, getattr(error, "strerror", None) or "no HTTP answer"), None
    lines = head.decode("latin-1").split("\r\n")
    status = lines[0].split(" ")[1] if lines[0].count(" ") >= 1 else "?"
    if healthy and not status.startswith("2"):
        found = Finding(check, Verdict.FAILED, f"{url}{path} answers {status}", "its body says what is missing")
    else:
        found = Finding(check, Verdict.GOOD, f"{url} answers ({path}: {status})")
    return found, _skew(lines)


def clock(skew: float | None) -> Finding:
    """Check this machine's clock, against the gateway's when that is known (seconds)."""
    if time.time() < 1_700_000_000:  # late 2023: before plait was written
        return Finding("clock", Verdict.FAILED, "the clock is years behind", "set it: certificates and tokens need it")
    if skew is not None and abs(skew) > SKEW:
        return Finding("clock", Verdict.WARNING, f"differs from the gateway's by {skew:+.0f} s", "run NTP on both")
    return Finding("clock", Verdict.GOOD, "plausible" if skew is None else "agrees with the gateway's")


def _silent(check: str, url: str, why: str) -> Finding:
    return Finding(check, Verdict.FAILED, f"{url}: {why}", "is the mesh still running? `plait up` prints its addresses")


def _skew(lines: list[str]) -> float | None:
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "date":
            try:
                return parsedate_to_datetime(value.strip()).timestamp() - time.time()
            except ValueError:
                return None
    return None
