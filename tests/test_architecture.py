"""The house's own rules: floors, file sizes, folder names, and one sentence at every door.

Imports are read with `ast`, those for type checkers too. The table of floors is `docs/architecture.md` in code.
"""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS: tuple[tuple[str, ...], ...] = (
    ("actors/messages", "tracing"),
    ("actors/loop", "actors/routing"),
    ("actors/bus", "actors/balancing"),
    ("actors/runtime", "actors/table"),
    ("actors/proxy", "actors/policy"),
    ("actors/service", "actors/quota", "registry", "tracing/store"),
    ("actors",),  # the face: hands on the public names of the rooms below, and holds nothing itself
    ("gateway", "egress", "examples"),  # examples are guests: they see the face alone, as users do
    ("mesh",),
    ("cli", "testing"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS, 1) for room in rooms}
TOP = frozenset(room.partition("/")[0] for room in FLOOR)

OUTSIDE = "mesh.client"
"""What the package's own face hands on to callers from outside, when it is asked for."""

LONGEST = 300
LONGEST_FACE = 50
FORBIDDEN_NAMES = frozenset({"utils", "util", "common", "core", "base", "helpers", "helper", "schemas", "managers"})


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Every module of the package: its path in the checkout and its text."""
    files = [ROOT / "__init__.py", *(path for top in sorted(TOP) for path in (ROOT / top).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}


def room_of(module: str) -> str:
    """The room that a module (`actors/proxy/retry.py` or `actors.proxy.retry`) stands in; empty for the root."""
    parts = module.removesuffix(".py").replace(".", "/").split("/")
    for end in range(len(parts), 0, -1):
        if "/".join(parts[:end]) in FLOOR:
            return "/".join(parts[:end])
    return ""


def imported(path: str, text: str, known: frozenset[str]) -> Iterator[tuple[int, str, bool]]:
    """Each import of the package's own modules: line, dotted name without `plait.`, and whether it is relative."""
    package = path.split("/")[:-1]
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, _, rest = alias.name.partition(".")
                if top in TOP or top == "plait":
                    yield node.lineno, rest if top == "plait" else alias.name, False
        elif isinstance(node, ast.ImportFrom):
            relative = node.level > 0
            base = (node.module or "").split(".") if node.module else []
            if relative:
                assert node.level <= len(package) + 1, f"{path}:{node.lineno} imports from above the package"
                base = package[: len(package) + 1 - node.level] + base
            elif base[0] == "plait":
                base = base[1:]
            elif base[0] not in TOP:
                continue
            for alias in node.names:
                deeper = ".".join([*base, alias.name])  # `from . import roles` names a module, most others do not
                yield node.lineno, deeper if deeper in known else ".".join(base), relative


def modules(paths: Iterable[str]) -> frozenset[str]:
    """The dotted names of modules, without `plait.`."""
    return frozenset(path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths)


def violations(sources: Mapping[str, str], known: frozenset[str]) -> list[str]:
    """Every import in `sources` that does not run down, and every one that is spelled as an outsider would."""
    found: list[str] = []
    for path, text in sources.items():
        here = room_of(path)
        for line, target, relative in imported(path, text, known):
            there = room_of(target)
            where = f"{path}:{line}: {here or 'the root'} imports {target or 'plait'}"
            if here == "examples" and there != "examples":
                if relative or target != "actors":
                    found.append(f"{where}, examples use `from plait.actors import …` only")
            elif here == there and relative:
                continue
            elif not relative:
                found.append(f"{where} by its absolute name")
            elif path == "__init__.py" and target == OUTSIDE:
                continue
            elif not here or not there or FLOOR[there] >= FLOOR[here]:
                found.append(f"{where}, which does not stand below it")
    return found


def test_imports_run_down_only(sources):
    assert violations(sources, modules(sources)) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("actors/messages/name.py", "from ..bus.bus import Bus"),
        ("actors/runtime/cell.py", "from ..proxy.call import Call"),
        ("actors/runtime/cell.py", "if True:\n    from ...gateway import limit"),
        ("actors/runtime/cell.py", "from ..table.replica import Replica"),
        ("actors/proxy/call.py", "from ..policy import problem"),
        ("actors/proxy/call.py", "def later():\n    from ..service.service import Service"),
        ("registry/catalog.py", "from ..tracing.store.memory import TraceMemory"),
        ("tracing/context.py", "from .store import tree"),
        ("tracing/context.py", "from ..actors.messages.name import label"),
        ("tracing/context.py", "from .. import mesh"),
        ("actors/service/service.py", "from .. import Service"),
        ("gateway/path.py", "from ..mesh.node import Node"),
        ("gateway/path.py", "from ..examples import bookinfo"),
        ("mesh/node.py", "from ..cli import app"),
        ("mesh/node.py", "import plait.actors.messages.name"),
        ("mesh/node.py", "from tracing.context import child"),
        ("cli/app.py", "from ..testing import anything"),
        ("examples/bookinfo/reviews.py", "from plait.actors.messages.error import MeshError"),
        ("examples/bookinfo/reviews.py", "from ...actors import Service"),
        ("examples/bookinfo/reviews.py", "from plait.mesh import node"),
        ("__init__.py", "from .actors import Service"),
    ],
)
def test_a_planted_import_is_found(sources, path, line):
    found = violations({path: f"{sources[path]}\n{line}\n"}, modules(sources))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:")


def test_an_import_for_type_checkers_counts(sources):
    path = "actors/messages/name.py"
    line = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ...mesh.node import Node\n"
    assert len(violations({path: f"{sources[path]}\n{line}"}, modules(sources))) == 1


def test_every_folder_has_its_floor(sources):
    homeless = [path for path in sources if path != "__init__.py" and not room_of(path)]
    in_the_face = [path for path in sources if room_of(path) == "actors" and path != "actors/__init__.py"]
    assert homeless == in_the_face == []


def test_no_python_file_stands_at_the_root_but_its_face():
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


def test_no_file_is_longer_than_a_room(sources):
    longest = {path: text.count("\n") for path, text in sources.items() if text.count("\n") > LONGEST}
    assert longest == {}


def test_no_name_says_nothing(sources):
    named = {part for path in sources for part in path.removesuffix(".py").split("/")}
    assert named & FORBIDDEN_NAMES == set()


def test_folders_are_two_levels_deep(sources):
    # Bookinfo's policies and scenarios are data with a door: no third level of code.
    deep = {path.rpartition("/")[0] for path in sources if path.count("/") > 2}
    assert deep <= {"examples/bookinfo/policies", "examples/bookinfo/scenarios"}


def test_a_folder_shows_a_short_face(sources):
    faces = {path: text.count("\n") for path, text in sources.items() if path.endswith("__init__.py")}
    assert {path: lines for path, lines in faces.items() if lines >= LONGEST_FACE} == {}


def test_the_root_hands_on_connect_and_loads_nothing_before_it_is_asked_for():
    look = "import sys, plait; before = set(sys.modules); plait.connect; print(*sorted(before), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=30, check=True)
    assert [name for name in done.stdout.split() if name.partition(".")[0] in ("plait", "asyncio")] == ["plait"]


def test_every_module_says_in_one_sentence_what_is_in_it(sources):
    silent = []
    for path, text in sources.items():
        first, _, rest = (ast.get_docstring(ast.parse(text)) or "").partition("\n")
        # The first line is the sentence, or all but the end of one that a second line completes.
        whole = first if not rest or rest.startswith("\n") else first + " " + rest.partition("\n")[0]
        if len(whole) < 20 or not whole.rstrip().endswith((".", "…", "`")):
            silent.append(path)
    assert silent == []
