"""The run file: where a mesh that runs on this machine tells other terminals how to reach it."""

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ..actors.bus.login import NOBODY, Login
from ..actors.messages.name import label

LARGEST = 64 * 1024
"""Bytes of a run file that are read."""


class RunFile(msgspec.Struct, frozen=True):
    """One running mesh."""

    mesh: str
    pid: int
    """The process that `plait up` runs in: with it the file loses its meaning."""
    nats: str
    """The bus, as URLs joined by commas."""
    http: tuple[str, ...] = ()
    """The gateway, as URLs."""
    admin: str = ""
    nats_sys: str = ""
    """The bus that `plait up` started itself with the credentials of the system account, for other processes."""
    login: Login = NOBODY
    """How to log in, without passwords: what of them is in no file the next command has to be given again."""


_decode = msgspec.json.Decoder(RunFile).decode


def write(run: RunFile) -> Path:
    """Write the run file of a mesh, readable by this user alone, in one step; return where it is.

    Raises:
        OSError: no folder takes it.
        InvalidName: the mesh's name is no label.
    """
    name = f"{label(run.mesh, 'mesh')}.json"
    reason: OSError = FileNotFoundError("no folder for the run file")
    for folder in _folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(folder)
            handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.format(msgspec.json.encode(run)))
                return Path(draft).rename(folder / name)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            reason = error
    raise reason


def read(mesh: str = "default") -> RunFile | None:
    """Return the run file of a mesh that runs, or None; one whose process has ended is removed.

    Raises:
        InvalidName: the mesh's name is no label.
    """
    for path in places(mesh):
        run = _read(path)
        if run is None or run.mesh != mesh:
            continue
        if _lives(run.pid):
            return run
        with suppress(OSError):
            path.unlink()
    return None


def remove(mesh: str, pid: int) -> None:
    """Remove the run file that process `pid` wrote; another mesh's of the same name stays."""
    for path in places(mesh):
        run = _read(path)
        if run is not None and run.pid == pid:
            with suppress(OSError):
                path.unlink()


def places(mesh: str) -> list[Path]:
    """Return where the run file of a mesh may be, the preferred place first.

    Raises:
        InvalidName: the mesh's name is no label.
    """
    return [folder / f"{label(mesh, 'mesh')}.json" for folder in _folders()]


def problem(path: Path) -> str:
    """Return why the run file at `path` is not to be trusted; empty where it is, or is not there."""
    try:
        _check_private(path.parent)
        os.close(_open(path))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _folders() -> Iterator[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        yield Path(runtime) / "plait"
    state = os.environ.get("XDG_STATE_HOME")
    with suppress(RuntimeError):  # a user without a home
        yield Path(state) / "plait" if state else Path.home() / ".local" / "state" / "plait"
    with suppress(FileNotFoundError):  # a container whose file system is read-only
        yield Path(tempfile.gettempdir()) / f"plait-{os.getuid()}"


def _check_private(folder: Path) -> None:
    """A folder that others own or may write to could hold another's address: requests would go there."""
    _check(os.lstat(folder), folder, stat.S_ISDIR)


def _open(path: Path) -> int:
    """Return a file descriptor of `path`; checked after it is open, so that it cannot be exchanged in between."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check(os.fstat(file), path, stat.S_ISREG)
    except BaseException:
        os.close(file)
        raise
    return file


def _check(found: os.stat_result, path: Path, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode):
        raise PermissionError(errno.EPERM, "is not what it should be (a link?)", str(path))
    if found.st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(path))
    if found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "is open to other users", str(path))


def _read(path: Path) -> RunFile | None:
    try:
        _check_private(path.parent)
        with os.fdopen(_open(path), "rb") as file:
            return _decode(file.read(LARGEST))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _lives(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives and is not ours
        return True
    return True
