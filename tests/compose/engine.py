"""The container engine of this machine, its compose program, and plait's image; `Missing` says why there is none."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
IMAGE = "plait:test"
PUBLIC = "python:3.12-slim"
"""The base that the Dockerfile asks for."""


class Missing(Exception):
    """What the tests need cannot be had here."""


def run(*command: str, limit: float, **more) -> str:
    """Run a command and return what it says.

    Raises:
        Missing: it failed, or took longer than `limit` seconds.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, **more)
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not installed here") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"`{' '.join(command[:3])} …` took longer than {limit:g} s") from None
    if done.returncode:
        last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-1:]
        raise Missing(f"`{' '.join(command[:3])} …` failed: {' '.join(last)}")
    return done.stdout


def compose() -> list[str]:
    """Return the compose program: the plugin, or its forerunner.

    Raises:
        Missing: no engine answers, or there is neither.
    """
    try:
        run("docker", "info", "--format", "{{json .ServerVersion}}", limit=20)
    except Missing as error:
        raise Missing(f"no container engine answers: {error}") from None
    for program in (["docker", "compose"], ["docker-compose"]):
        try:
            run(*program, "version", limit=20)
        except Missing:
            continue
        return program
    raise Missing("neither `docker compose` nor `docker-compose` is installed here")


def build(limit: float = 240) -> None:
    """Build plait's image from the files of this checkout, as `IMAGE`.

    Raises:
        Missing: there is no base image, what plait needs cannot be had, or it all took more than `limit` seconds.
    """
    end = time.monotonic() + limit
    base, apart = _base(end)
    with TemporaryDirectory(prefix="plait-image-") as folder:
        context = Path(folder)
        files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", limit=20, cwd=ROOT)
        for name in filter(None, files.split("\0")):
            if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", ".src/")):
                (context / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, context / name)
        arguments = ["--build-arg", f"BASE={base}"]
        if apart:
            _wheels(context / "wheels", end)
            arguments += ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/src"]
        run("docker", "build", "-f", "compose/Dockerfile", *arguments, "-t", IMAGE, ".", limit=_left(end), cwd=context)


def _left(end: float) -> float:
    return max(1.0, end - time.monotonic())


def _base(end: float) -> tuple[str, bool]:
    """Return an image with Python, and whether a build on it must do without the network."""
    if named := os.environ.get("PLAIT_TEST_BASE"):
        return named, True
    own = f"plait-base:{_debian()}"
    for image, apart in ((PUBLIC, False), (own, True)):
        if run("docker", "images", "-q", image, limit=20).strip():
            return image, apart
    try:
        run("docker", "pull", "-q", PUBLIC, limit=_left(end) / 3)
    except Missing as error:
        _bootstrap(own, str(error), end)
        return own, True
    return PUBLIC, False


def _debian() -> str:
    """Return this Debian's code name; empty on other systems."""
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return "none"
    found = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', release, re.MULTILINE))
    return found.get("VERSION_CODENAME", "none") if found.get("ID") == "debian" else "none"


def _bootstrap(image: str, why: str, end: float) -> None:
    """Make a base image from this Debian's own packages: 40 s, once."""
    suite = image.partition(":")[2]
    if suite == "none" or os.getuid() or not shutil.which("debootstrap"):
        raise Missing(f"{why}; and without root, Debian and debootstrap no base image can be made here")
    with TemporaryDirectory(prefix="plait-base-") as folder:
        packages = "--include=python3,python3-venv,ca-certificates"
        run("debootstrap", "--variant=minbase", packages, suite, folder, limit=_left(end))
        tar = subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with tar:
            run("docker", "import", "-", image, limit=_left(end), stdin=tar.stdout)


def _wheels(folder: Path, end: float) -> None:
    """Fetch what plait needs by this machine's pip; the base image has this machine's Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needs = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    run(sys.executable, "-m", "pip", "wheel", "-q", "-w", str(folder), *needs, limit=_left(end))


def services(containers: list[str]) -> dict[str, str]:
    """Return containers by the compose service that each belongs to."""
    found = json.loads(run("docker", "inspect", *containers, limit=30))
    return {one["Config"]["Labels"]["com.docker.compose.service"]: one["Id"] for one in found}


def states(containers: list[str]) -> dict[str, tuple[str, int]]:
    """Return each container's health (or state, where it has no health) and exit code, by its compose service."""
    found = {}
    for one in json.loads(run("docker", "inspect", *containers, limit=30)):
        state = one["State"]
        health = state.get("Health", {}).get("Status") if state["Running"] else None
        found[one["Config"]["Labels"]["com.docker.compose.service"]] = health or state["Status"], state["ExitCode"]
    return found
