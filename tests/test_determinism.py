"""What a node runs reaches for no clock, no chance, no thread and no socket: its ground gives them all.

Read with `ast`: every module that `mesh/node.py` imports, directly or by others. What may reach stands below, with the
reason. `tests/testing/test_simulate.py` looks at the same from outside: the same seed, the same bytes on the bus.
"""

from fnmatch import fnmatchcase

import pytest

from tests.reach import reaches, set_attributes
from tests.test_architecture import imported, modules, sources  # noqa: F401

THE_REAL_WORLD = "what a real node stands on; no other ground imports its like"
BY_ITSELF = "a default for those who use it by itself; nodes give their ground's"
ONE_SOCKET = "a real connection or listener; other grounds bring their own"
CACHE = "a bounded cache: what it answers does not depend on who asked before"
BY_TYPE = "one entry for each type of the program; what it answers does not depend on who asked before"
WATCHES_REAL_NODES = "only who runs a node as a process gives it a watch: `Node.health` is None elsewhere"
A_COLLECTOR = "there only where the address of a collector is given"

ALLOWED = {
    ("actors/bus/address.py", "socket.gaierror"): "the type of an error",
    (
        "actors/bus/connection.py",
        "secrets.token_urlsafe",
    ): "reply subjects that nobody can guess; or a token given",
    ("actors/bus/lean.py", "*"): ONE_SOCKET,
    ("actors/bus/lean_dial.py", "*"): ONE_SOCKET,
    ("actors/bus/lean_move.py", "*"): ONE_SOCKET,
    ("actors/bus/lean_handshake.py", "ssl.SSLContext"): ONE_SOCKET,
    ("actors/bus/lean_wire.py", "ssl.SSLContext"): ONE_SOCKET,
    ("actors/bus/login.py", "*"): ONE_SOCKET,
    ("actors/bus/natspy.py", "*"): ONE_SOCKET,
    ("actors/bus/natspy_client.py", "*"): ONE_SOCKET,
    ("actors/loop/watchdog.py", "*"): WATCHES_REAL_NODES,
    ("actors/proxy/topic.py", "shared _NOBODY"): "stands for nothing found, and is never written",
    ("actors/runtime/accept.py", "shared _known"): BY_TYPE,
    ("actors/runtime/immutable.py", "shared *"): BY_TYPE,
    ("actors/runtime/immutable.py", "set order"): "the keys of a dictionary that is only looked up",
    ("actors/runtime/ref.py", "builtins.hash"): "the hash of a reference, for dictionaries, which keep their order",
    ("actors/service/response.py", "shared _decoders"): BY_TYPE,
    ("egress/dial.py", "ssl.*"): ONE_SOCKET,
    ("gateway/answer.py", "shared _prefixes"): CACHE,
    ("gateway/authority.py", "shared _known"): CACHE,
    ("gateway/gateway.py", "asyncio.to_thread"): "closes an access log, which other grounds do not have",
    ("gateway/head.py", "shared *"): CACHE,
    ("gateway/listener.py", "*"): ONE_SOCKET,
    ("mesh/health.py", "*"): WATCHES_REAL_NODES,
    ("mesh/node.py", "builtins.print"): "`tell_stderr`, which another `tell` replaces",
    ("mesh/node.py", "sys.stderr"): "as above",
    ("mesh/probe.py", "*"): "real servers and programs; other grounds bring their own `probe`",
    ("mesh/real_ground.py", "*"): THE_REAL_WORLD,
    ("registry/dns_forward.py", "*"): ONE_SOCKET,
    ("registry/dns_server.py", "*"): ONE_SOCKET,
    ("tracing/access.py", "*"): "there only where a file for an access log is given",
    ("tracing/log.py", "sys.stderr"): "where a process logs to; `configure` is called by who runs it",
    ("tracing/log.py", "time.monotonic"): BY_ITSELF,
    ("tracing/otlp.py", "*"): A_COLLECTOR,
    ("tracing/tracer.py", "*"): BY_ITSELF,
}


@pytest.fixture(scope="module")
def node_side(sources):  # noqa: F811
    """Every module that a node imports, by its path."""
    known = modules(sources)
    paths = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in sources}
    found: dict[str, str] = {}
    todo = ["mesh/node.py"]
    while todo:
        path = todo.pop()
        if path not in found:
            found[path] = sources[path]
            todo += [paths[target] for _, target, _ in imported(path, sources[path], known) if target in paths]
    return found


@pytest.fixture(scope="module")
def found(node_side):
    """Every reach of a node's modules, with the module's path."""
    sets = frozenset[str]().union(*map(set_attributes, node_side.values()))
    return [(path, reach) for path, text in sorted(node_side.items()) for reach in reaches(text, sets)]


def test_what_a_node_runs_is_all_there(node_side):
    rooms = {path.rpartition("/")[0] for path in node_side}
    assert rooms >= {"mesh", "gateway", "registry", "tracing", "tracing/store"}
    assert rooms >= {f"actors/{room}" for room in ("bus", "loop", "messages", "policy", "proxy", "routing", "runtime")}
    assert len(node_side) > 120


def may(path, reach, where, what):
    return path == where and fnmatchcase(reach.what, what)


def test_nothing_in_a_node_reaches_for_what_its_ground_gives(found):
    unasked = [(path, reach) for path, reach in found if not any(may(path, reach, *each) for each in ALLOWED)]
    assert [f"{path}:{reach.line} reaches for {reach.what}" for path, reach in unasked] == []


def test_everything_that_may_reach_does(found):
    assert [each for each in ALLOWED if not any(may(path, reach, *each) for path, reach in found)] == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import time\nnow = time.time()", "time.time"),
        ("import time as t\ndef f(clock=t.monotonic): ...", "time.monotonic"),
        ("from time import monotonic\ndef f():\n    return monotonic()", "time.monotonic"),
        ("from datetime import UTC, datetime\nnow = datetime.now(UTC)", "datetime.datetime.now"),
        ("import random\nx = random.random()", "random.random"),
        ("from random import choice\nx = choice([1])", "random.choice"),
        ("import random\ndef f(rng=None):\n    return rng or random.Random()", "random.Random()"),
        ("import secrets\nx = secrets.token_hex(3)", "secrets.token_hex"),
        ("import uuid\nx = uuid.uuid4()", "uuid.uuid4"),
        ("import os\nx = os.urandom(8)", "os.urandom"),
        ("import os\nx = os.environ['HOME']", "os.environ"),
        ("import asyncio\nloop = asyncio.get_event_loop()", "asyncio.get_event_loop"),
        ("async def f(loop, work):\n    await loop.run_in_executor(None, work)", ".run_in_executor"),
        ("import asyncio\nasync def f(work):\n    await asyncio.to_thread(work)", "asyncio.to_thread"),
        ("import threading\nlock = threading.Lock()", "threading.Lock"),
        ("import socket\ns = socket.socket()", "socket.socket"),
        ("def f(items):\n    return sorted(items, key=id)", "builtins.id"),
        ("def f(name):\n    return hash(name) % 7", "builtins.hash"),
        ("def f():\n    print('waiting')", "builtins.print"),
        ("def f(a, b):\n    for x in {*a, *b}:\n        yield x", "set order"),
        ("def f(a: set[str]):\n    return [x for x in a]", "set order"),
        ("def f(a):\n    s = set(a)\n    return list(s - {1})", "set order"),
        ("def f(a):\n    return (*frozenset(a), 1)", "set order"),
        ("def f(a):\n    s = {x for x in a}\n    return ', '.join(s)", "set order"),
        ("class A:\n    def f(self):\n        self.s = set()\n        return self.s.pop()", "set order"),
        ("def f(one):\n    return {n: 1 for n in one.elsewhere}", "set order"),
        ("from itertools import count\nnumbers = count(1)", "shared numbers"),
        ("from contextvars import Context\nnowhere = Context()", "shared nowhere"),
        ("known: dict[str, int] = {}", "shared known"),
        ("total = 0\ndef f():\n    global total\n    total += 1", "global"),
    ],
)  # fmt: skip
def test_a_planted_reach_is_found(text, what):
    assert what in {reach.what for reach in reaches(text, {".elsewhere"})}


@pytest.mark.parametrize(
    "text",
    [
        "import random\ndef f(rng: random.Random):\n    return rng.random()",
        "import random\nrng = lambda seed: random.Random(seed)",
        "import asyncio\nasync def f(loop):\n    return loop.time() + asyncio.get_running_loop().time()",
        "from datetime import UTC, datetime\ndef f(s):\n    return datetime.fromtimestamp(s, UTC)",
        "def f(a: set[str]):\n    return sorted(a), len(a), 'x' in a, any(x for x in a), {x + 'y' for x in a}",
        "def f(names):\n    names = tuple(names)\n    return [n for n in names], frozenset(names)",
        "def f(a: set[str]): ...\ndef g(a: list[str]):\n    return [x for x in a]",
        "class A:\n    def id(self):\n        return self.hash()",
        "from contextvars import ContextVar\ncurrent = ContextVar('c')\nNAMES = {'a': 1}\nKINDS = frozenset({'a'})",
    ],
)
def test_what_is_the_same_in_every_run_is_left_alone(text):
    assert reaches(text) == []
