"""What the doctor finds about the truth's keeping: JetStream, copies of the buckets, and when writes reach the disk."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ..actors.bus import lean
from ..actors.messages.error import BusUnavailable, MeshError, NoResponders
from ..actors.table.jetstream import NO_JETSTREAM
from .finding import Finding, Verdict

if TYPE_CHECKING:
    from ..actors.bus.login import Login
    from .connection import Visit

BUCKETS = ("registry", "policy")
COPIES = 3
QUIET = 0.3
"""Seconds without another answer after which all servers have answered."""
SYNC = "set jetstream { sync_interval: always } in each nats-server.conf: an acknowledged write is on the disk then"
ASK = b"$SYS.REQ.SERVER.PING.JSZ"


class _Config(msgspec.Struct, frozen=True):
    sync_always: bool = False
    sync_interval: int = 0
    """Nanoseconds."""


class _Data(msgspec.Struct, frozen=True):
    config: _Config | None = None
    disabled: bool = False


class _Server(msgspec.Struct, frozen=True):
    name: str = ""


class _Jsz(msgspec.Struct, frozen=True):
    """What a server says of its JetStream, as far as it matters here."""

    server: _Server = _Server()
    data: _Data = _Data()


async def buckets(there: "Visit") -> list[Finding]:
    """Check that JetStream is there, and that a cluster's buckets are on three servers that are up to date."""
    found: list[Finding] = []
    for name in BUCKETS:
        check = f"{name} bucket"
        try:
            answer = await there.ask_bus(f"$JS.API.STREAM.INFO.KV_plait-{there.target.mesh}-{name}".encode())
        except NoResponders:
            return [Finding("jetstream", Verdict.FAILED, "the bus has none", NO_JETSTREAM.partition(": ")[2])]
        except MeshError as error:
            found.append(Finding(check, Verdict.WARNING, f"JetStream does not answer: {error}", "has it a leader?"))
            continue
        told = answer.get("error")
        if isinstance(told, dict):
            found.append(_missing(check, cast("dict[str, Any]", told)))
        else:
            found.append(_copies(check, answer, bool(there.bus.cluster)))
    return found


def _missing(check: str, error: dict[str, Any]) -> Finding:
    told = str(error.get("description", "unknown error"))
    if error.get("err_code") == 10059:
        return Finding(check, Verdict.WARNING, "not made yet", "a node with that role makes it")
    if error.get("err_code") in (10039, 10076):
        return Finding("jetstream", Verdict.FAILED, told, NO_JETSTREAM.partition(": ")[2])
    return Finding(check, Verdict.WARNING, told)


def _copies(check: str, answer: dict[str, Any], clustered: bool) -> Finding:
    config = cast("dict[str, Any]", answer.get("config") or {})
    cluster = cast("dict[str, Any]", answer.get("cluster") or {})
    count = int(config.get("num_replicas") or 1)
    others = [cast("dict[str, Any]", one) for one in cast("list[object]", cluster.get("replicas") or [])]
    behind = [str(one.get("name")) for one in others if one.get("offline") or not one.get("current")]
    text = f"{count} cop{'y' if count == 1 else 'ies'}"
    if clustered and count < COPIES:
        hint = f"restart a node of that role, or `nats stream edit --replicas {COPIES} {config.get('name')}`"
        return Finding(check, Verdict.WARNING, f"{text} in a cluster: that server's loss is the data's", hint)
    if clustered and not cluster.get("leader"):
        return Finding(check, Verdict.WARNING, f"{text}, and no leader just now", "are most of the servers up?")
    if behind:
        return Finding(check, Verdict.WARNING, f"{text}, not up to date: {', '.join(behind)}", "are they down?")
    return Finding(check, Verdict.GOOD, text)


async def sync(url: str, login: "Login", timeout: float) -> Finding:
    """Check when JetStream's writes reach the disk, which the system account alone can see; `url` may be empty."""
    unseen = "unknown: only the system account sees it"
    if not url:
        return Finding("sync_interval", Verdict.WARNING, unseen, f"name it with --nats-sys; {SYNC}")
    try:
        servers = await _ask_all(url, login, timeout)
    except BusUnavailable as error:
        return Finding("sync_interval", Verdict.WARNING, f"unknown: {error}", SYNC)
    if not servers:
        return Finding(
            "sync_interval", Verdict.WARNING, "unknown: no server told", f"may it publish on {ASK.decode()}?"
        )
    keeping = [one for one in servers if one.data.config is not None and not one.data.disabled]
    lazy = [
        f"{one.server.name} ({one.data.config.sync_interval / 1e9:g} s)"
        for one in keeping
        if one.data.config is not None and not one.data.config.sync_always
    ]
    if lazy:
        return Finding(
            "sync_interval", Verdict.WARNING, f"lazy: a power cut may lose writes of {', '.join(lazy)}", SYNC
        )
    return Finding("sync_interval", Verdict.GOOD, f"always, on {len(keeping)} server{'' if len(keeping) == 1 else 's'}")


async def _ask_all(url: str, login: "Login", timeout: float) -> list[_Jsz]:
    bus = await lean.connect(url, name="plait-cli system", login=login, connect_timeout=timeout)
    found: list[_Jsz] = []
    came = asyncio.Event()

    def take(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            found.append(msgspec.json.decode(payload, type=_Jsz))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        came.set()

    try:
        inbox = b"_INBOX." + bus.token.encode()
        bus.subscribe(inbox, take)
        bus.publish(ASK, b"", inbox)
        limit = timeout
        while True:
            try:
                async with asyncio.timeout(limit):
                    await came.wait()
            except TimeoutError:
                return sorted(found, key=lambda one: one.server.name)
            came.clear()
            limit = QUIET
    finally:
        await bus.close()
