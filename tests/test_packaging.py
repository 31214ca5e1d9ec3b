"""What pip installs: the packages that pyproject lists are those on the disk, and the wheel holds what users need."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTSIDE = frozenset({"tests", "compose", "docs", "build", "dist"})
"""Folders that are no packages of plait."""


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_packages_listed_are_those_on_the_disk(project):
    found = {"plait"}
    for top in ROOT.iterdir():
        if top.is_dir() and top.name not in OUTSIDE and not top.name.startswith("."):
            found |= {
                ".".join(("plait", *face.parent.relative_to(ROOT).parts)) for face in sorted(top.rglob("__init__.py"))
            }
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(found)


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for top in ROOT.iterdir() if _ours(top) for path in top.rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def _ours(top: Path) -> bool:
    return top.is_dir() and top.name not in OUTSIDE and not top.name.startswith(".")


def test_type_checkers_are_told_that_plait_is_typed(project):
    assert (ROOT / "py.typed").read_bytes() == b""
    assert project["tool"]["setuptools"]["package-data"]["plait"] == ["py.typed"]


def test_type_checkers_see_the_checkout_as_plait():
    assert (ROOT / ".src" / "plait").resolve() == ROOT.resolve()


def test_the_command_line_starts_as_a_module():
    done = subprocess.run([sys.executable, "-m", "plait.cli", "--help"], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"plait" in done.stdout
    assert b"apply" in done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel of this checkout, built in a copy and without the network."""
    try:
        version = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        pytest.skip("setuptools is not installed here")
    if int(version.partition(".")[0]) < 77:
        pytest.skip(f"setuptools {version} is older than the 77 that pyproject.toml asks for")
    folder = tmp_path_factory.mktemp("wheel")
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "tests", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "source", ignore=unwanted)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "."]
    command += ["--disable-pip-version-check", "-w", str(folder / "wheels")]
    done = subprocess.run(command, cwd=folder / "source", capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "wheels").glob("plait-*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_the_wheel_holds_what_users_need(wheel):
    names = set(wheel.namelist())
    policies = {f"plait/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("examples/bookinfo/*/*.yaml")}
    assert policies
    assert policies <= names
    assert {"plait/py.typed", "plait/__init__.py", "plait/actors/service/service.py"} <= names


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"plait"}
    assert [name for name in wheel.namelist() if "/tests/" in name or "/docs/" in name] == []


def test_the_wheel_brings_the_program(wheel):
    (entries,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "plait = plait.cli:main" in wheel.read(entries).decode()
