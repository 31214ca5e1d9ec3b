"""What a reload does when files change, with a crew that only notes what it is told."""

import asyncio
from pathlib import Path

import pytest

from plait.actors.messages.error import StartFailed
from plait.mesh.mesh_file import read
from plait.mesh.options import UpOptions
from plait.mesh.reload import Reload, Reread

pytestmark = pytest.mark.anyio

FILE = "services:\n  a: {target: 'a:A'}\n  b: {target: 'b:B', replicas: 2}\n"


class Crew:
    """Notes what it is asked; what is in `broken` does not start."""

    def __init__(self):
        self.services = ("a", "b")
        self.log: list[str] = []
        self.broken: set[str] = set()

    async def bring(self, plan, *, anew):
        self.log.append(f"bring {plan.name} x{plan.replicas}{' anew' if anew else ''}")
        if plan.name in self.broken:
            raise StartFailed("it does not start")

    def drop(self, name):
        self.log.append(f"drop {name}")


class World:
    """A folder with a mesh file and two services, and a reload that looks at it."""

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / "mesh.yaml"
        self.write("mesh.yaml", FILE)
        self.write("a.py", "import shared")
        self.write("b.py", "")
        self.write("shared.py", "")
        self.told: list[str] = []
        self.crew = Crew()
        self.reload = Reload(self.options(), Reread(self.options, self.file), self.told.append)
        self.reload.start(self.crew)

    def options(self) -> UpOptions:
        return UpOptions(**read(self.file).settings)

    def write(self, name: str, text: str) -> None:
        draft = self.folder / f"{name}.draft"
        draft.write_text(text)
        draft.replace(self.folder / name)


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path)
    yield world
    await world.reload.stop()


async def test_services_whose_files_changed_are_replaced_and_no_others(world, until):
    world.write("shared.py", "X = 1")
    await until(lambda: "a runs as it stands now" in " ".join(world.told))
    assert world.crew.log == ["bring a x1 anew"]
    world.write("b.py", "X = 1")
    await until(lambda: len(world.crew.log) == 2)
    assert world.crew.log[1] == "bring b x2 anew"


async def test_what_does_not_start_is_told_and_tried_again_at_the_next_change(world, until):
    world.crew.broken = {"a"}
    world.write("a.py", "x = (")
    await until(lambda: any("last good code goes on" in one for one in world.told))
    world.crew.broken = set()
    world.write("a.py", "x = 1")
    await until(lambda: len(world.crew.log) == 2)


async def test_a_change_of_the_file_adds_removes_and_adjusts(world, until):
    world.write("mesh.yaml", "services:\n  b: {target: 'b:B', replicas: 3}\n  c: {target: 'a:A'}\n")
    await until(lambda: len(world.crew.log) == 3)
    assert world.crew.log == ["drop a", "bring b x3", "bring c x1"]
    world.write("a.py", "X = 1")
    await until(lambda: len(world.crew.log) == 4)
    assert world.crew.log[3] == "bring c x1 anew"


@pytest.mark.parametrize("text", ["services: {a: {targets: 1}}", "[", None])
async def test_a_file_that_cannot_be_used_changes_nothing(world, until, text):
    if text is None:
        world.file.unlink()
    else:
        world.write("mesh.yaml", text)
    await until(lambda: any("the mesh goes on as before" in one for one in world.told))
    assert world.crew.log == []
    world.write("mesh.yaml", FILE.replace("2", "1"))
    await until(lambda: world.crew.log == ["bring b x1"])


async def test_what_cannot_change_while_the_mesh_runs_is_told(world, until):
    world.write("mesh.yaml", FILE + "admin: 9999\n")
    await until(lambda: any("admin: takes effect when the mesh is started again" in one for one in world.told))
    assert world.crew.log == []


async def test_a_second_change_gives_up_the_first_attempt(world, until):
    stuck = asyncio.Event()
    calls: list[str] = []

    async def bring(plan, *, anew):
        calls.append("begun")
        if len(calls) == 1:
            try:
                await stuck.wait()
            except asyncio.CancelledError:
                calls.append("given up")
                raise

    world.crew.bring = bring
    world.write("b.py", "X = 1")
    await until(lambda: calls == ["begun"])
    world.write("b.py", "X = 22")
    await until(lambda: calls == ["begun", "given up", "begun"])
