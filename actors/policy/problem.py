"""What is wrong with a policy document: one problem has a code, a place and, where there is one, a hint.

Warnings have the same shape; they do not stop a bundle.
"""

import enum
import json
import re
from collections.abc import Callable

import msgspec

Path = tuple[str | int, ...]
"""Where a value stands in its document: field names and list positions."""

MOST = 200
"""Problems that are reported of one document."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


class ProblemCode(enum.StrEnum):
    """What kind of problem it is; the words are part of the public replies."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    DUPLICATE_KEY = "duplicate_key"
    UNKNOWN_KIND = "unknown_kind"
    UNSUPPORTED_KIND = "unsupported_kind"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_FIELD = "unknown_field"
    UNSUPPORTED_FIELD = "unsupported_field"
    UNSUPPORTED_VALUE = "unsupported_value"
    INVALID_TYPE = "invalid_type"
    INVALID_VALUE = "invalid_value"
    REQUIRED = "required"
    UNKNOWN_SUBSET = "unknown_subset"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNKNOWN_DELEGATE = "unknown_delegate"
    DUPLICATE_DOCUMENT = "duplicate_document"
    DUPLICATE_HOST = "duplicate_host"
    NOT_FOUND = "not_found"
    # Warnings
    NO_EFFECT = "no_effect"
    DEPRECATED = "deprecated"
    APPROXIMATED = "approximated"
    CONFLICTING_HOSTS = "conflicting_hosts"
    HOST_NOT_IN_GATEWAY = "host_not_in_gateway"
    CONFLICTING_BLOCKS = "conflicting_blocks"
    CONFLICTING_GATEWAYS = "conflicting_gateways"
    NOT_FOR_INGRESS = "not_for_ingress"
    UNREACHABLE = "unreachable"
    INEFFECTIVE_MATCH = "ineffective_match"
    UNKNOWN_HOST = "unknown_host"
    EMPTY_SUBSET = "empty_subset"
    UNKNOWN_RULE_HOST = "unknown_rule_host"
    NO_GATEWAY = "no_gateway"
    NO_EGRESS = "no_egress"
    LARGE = "large"


class Problem(msgspec.Struct, frozen=True):
    """One problem, as it is told to users."""

    code: str
    document: str
    """`Kind/namespace/name`, or `#2` for the second document of the text when it has no name."""
    path: str
    """Such as `$.spec.http[0].route[1].weight`."""
    line: int
    """Line of the text, from 1; 0 where there is no text."""
    message: str
    hint: str = ""


def render(path: Path) -> str:
    """Return `path` as text: `$.spec.http[0].match[0].headers.end-user`."""
    parts = ["$"]
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN.match(step):
            parts.append(f".{step}")
        else:
            parts.append(f"[{json.dumps(step)}]")
    return "".join(parts)


def no_line(path: Path) -> int:
    """Return 0: the line of anything in a document that has no text."""
    return 0


class Report:
    """Collects the problems and warnings of one document.

    A mistake in a field's shape can make later checks stumble over the same place. After `settle`, what is refused at,
    above or below a place that was refused before is left out, so that each mistake is told once.
    """

    def __init__(self, document: str, line: Callable[[Path], int] = no_line) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._line = line
        self._blamed: list[Path] = []
        self._misnamed: list[Path] = []
        self._settled: tuple[Path, ...] = ()

    def refuse(
        self, code: ProblemCode, path: Path, message: str, hint: str = "", *, instead: Path | None = None
    ) -> None:
        """Add a problem; `instead` is the place that was probably meant, later checks leave it alone too."""
        if any(_related(path, blamed) for blamed in self._settled) or len(self.problems) >= MOST:
            return
        self._blamed.append(path)
        if code in (ProblemCode.UNKNOWN_FIELD, ProblemCode.UNSUPPORTED_FIELD):
            self._misnamed.append(path[:-1])
        if instead is not None:
            self._blamed.append(instead)
        self.problems.append(self._problem(code, path, message, hint))

    def missing(self, path: Path, message: str, hint: str = "") -> None:
        """Add that the field at `path` is required; not where a field beside it was misnamed or is not supported."""
        if path[:-1] not in self._misnamed:
            self.refuse(ProblemCode.REQUIRED, path, message, hint)

    def warn(self, code: ProblemCode, path: Path, message: str, hint: str = "") -> None:
        """Add a warning."""
        if len(self.warnings) < MOST:
            self.warnings.append(self._problem(code, path, message, hint))

    def settle(self) -> None:
        """End the checks of shape: from now on the places refused so far are left alone."""
        self._settled = tuple(self._blamed)

    def _problem(self, code: ProblemCode, path: Path, message: str, hint: str) -> Problem:
        return Problem(code.value, self.document, render(path), self._line(path), message, hint)


def _related(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
