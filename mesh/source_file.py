"""Which files a target's code stands in: its module and what that imports, as far as the user's own folders go."""

import ast
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ..actors.policy.hint import nearest

_OURS = __name__.partition(".")[0]
_EXAMPLES = f"{_OURS}.examples"
_INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_LARGEST = 4 * 1024 * 1024


class _Found(NamedTuple):
    """A module: its file, where it has one, and the folders of its submodules."""

    file: Path | None
    folders: tuple[Path, ...]


class _Read(NamedTuple):
    stamp: tuple[int, int]
    imports: tuple[str, ...]


class Sources:
    """Reads text only: what a module does when it is imported does not happen here."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """`folders` are searched first, then what is installed beside this program."""
        self._folders = tuple(folders)
        self._tops: dict[str, _Found | None] = {}
        self._read: dict[Path, _Read] = {}

    def of(self, module: str) -> frozenset[Path]:
        """Return the files of `module`, of the packages around it, and of all that they import; not those installed."""
        waiting, seen, files = [module], {""}, set[Path]()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            waiting.append(name.rpartition(".")[0])
            found = self._find(name) if _is_users(name) else None
            if found is not None and found.file is not None and not _is_installed(found.file):
                files.add(found.file)
                waiting += self._imports(found.file, name, package=found.file.name == "__init__.py")
        return frozenset(files)

    def missing(self, module: str) -> str | None:
        """Return None where there is such a module, else the name that is most like it, or nothing."""
        around: tuple[Path, ...] = self._folders
        name = ""
        for part in module.split("."):
            name = f"{name}.{part}" if name else part
            found = self._find(name)
            if found is None:
                near = nearest(part, {one.stem for folder in around for one in _modules(folder)})
                return f"{name.rpartition('.')[0]}.{near}".lstrip(".") if near else ""
            around = found.folders
        return None

    def _find(self, name: str) -> _Found | None:
        package, _, last = name.rpartition(".")
        if package:
            around = self._find(package)
            return None if around is None else _look(last, around.folders)
        if (found := _look(last, self._folders)) is not None:
            return found
        if last not in self._tops:
            self._tops[last] = _installed(last)
        return self._tops[last]

    def _imports(self, file: Path, name: str, *, package: bool) -> tuple[str, ...]:
        try:
            state = file.stat()
            stamp = state.st_mtime_ns, state.st_size
            known = self._read.get(file)
            if known is not None and known.stamp == stamp:
                return known.imports
            if state.st_size > _LARGEST:
                return ()
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return ()
        imports = tuple(dict.fromkeys(_named(tree, name if package else name.rpartition(".")[0])))
        self._read[file] = _Read(stamp, imports)
        return imports


def _named(tree: ast.AST, package: str) -> Iterator[str]:
    """The modules that a text imports; `from x import y` may mean the module `x.y`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            origin = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*origin, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{one.name}".lstrip(".") for one in node.names)


def _look(name: str, folders: Sequence[Path]) -> _Found | None:
    spaces: list[Path] = []
    for folder in folders:
        inner = folder / name
        if (inner / "__init__.py").is_file():
            return _Found(inner / "__init__.py", (inner,))
        if (file := folder / f"{name}.py").is_file():
            return _Found(file, ())
        if next(folder.glob(f"{name}.*.so"), None) or (folder / f"{name}.so").is_file():
            return _Found(None, ())
        if inner.is_dir():
            spaces.append(inner)
    return _Found(None, tuple(spaces)) if spaces else None


def _installed(name: str) -> _Found | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    file = Path(spec.origin) if spec.origin and spec.has_location and spec.origin.endswith(".py") else None
    return _Found(file, tuple(Path(one) for one in spec.submodule_search_locations or ()))


def _is_installed(file: Path) -> bool:
    return any(folder in file.resolve().parents for folder in _INSTALLED)


def _is_users(name: str) -> bool:
    """Whether a module may be a user's; the examples of this package are, the rest of it is not."""
    return name.partition(".")[0] != _OURS or name == _EXAMPLES or name.startswith(f"{_EXAMPLES}.")


def _modules(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (one for one in folder.iterdir() if one.suffix == ".py" or one.is_dir())
