"""Policy files joined into one bundle, and the way back from a line of the bundle to the file it came from."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .exit import CommandError, Exit

STDIN = "-"
_ENDINGS = (".yaml", ".yml", ".json")
_DIVIDER = "---\n"


class _Part(NamedTuple):
    name: str
    first: int
    """Line of the bundle where the file begins, from 1."""


class Bundle:
    """The text that goes to the policy engine as one unit."""

    def __init__(self, files: Sequence[tuple[str, str]]) -> None:
        """`files` are names and texts, in their order."""
        self._parts: list[_Part] = []
        texts: list[str] = []
        line = 1
        for name, text in files:
            # Tabs are white space in JSON and an error in YAML, which the bundle as a whole is.
            part = text.removeprefix("\ufeff").replace("\r\n", "\n")
            part = part.replace("\t", " ") if part.lstrip()[:1] in ("{", "[") else part
            part = part if part.endswith("\n") or not part else part + "\n"
            if texts:
                texts.append(_DIVIDER)
                line += 1
            self._parts.append(_Part(name, line))
            texts.append(part)
            line += part.count("\n")
        self.text = "".join(texts)

    def where(self, line: int) -> tuple[str, int]:
        """Return the file, and the line in it, of a line of the bundle; line 0, unknown, has the only file or none."""
        if line < 1:
            return (self._parts[0].name if len(self._parts) == 1 else "", 0)
        name, first = self._parts[0]
        for part in self._parts:
            if part.first > line:
                break
            name, first = part
        return name, line - first + 1


def read(names: Sequence[str]) -> Bundle:
    """Return the bundle of the files that `names` are or hold; `-` is standard input, once.

    Raises:
        CommandError: a name is no file, a folder holds no policy file, or there is nothing in all of them.
        OSError: a file cannot be read.
    """
    bundle = Bundle([(name, _text(name)) for given in names for name in _expand(given)])
    if not any(line.strip() and not line.lstrip().startswith(("#", "---")) for line in bundle.text.splitlines()):
        raise CommandError(Exit.USAGE, f"there is no policy document in {', '.join(names)}")
    return bundle


def _expand(given: str) -> list[str]:
    path = Path(given)
    if given == STDIN:
        return [given]
    if path.is_dir():
        found = sorted(str(file) for file in path.iterdir() if file.suffix in _ENDINGS and file.is_file())
        if not found:
            raise CommandError(Exit.USAGE, f"the folder {given} holds no file that ends in {', '.join(_ENDINGS)}")
        return found
    if not path.exists():
        raise CommandError(Exit.USAGE, f"there is no file {given}")
    return [given]


def _text(name: str) -> str:
    content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CommandError(Exit.REFUSED, f"{name} is not UTF-8 (line {line})") from None
