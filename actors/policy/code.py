"""The numbers of what can be wrong with policy: each code has a number, a level, and Istio's number beside it.

Numbers are never used again. Each has a page in `docs/codes/`, whose examples are tested.
"""

import enum
from typing import NamedTuple

from .problem import ProblemCode


class Level(enum.IntEnum):
    """How bad a finding is; the order counts."""

    INFO = 1
    """Worth knowing: it works as written, which may not be what was meant."""
    WARNING = 2
    """Probably a mistake; a bundle is accepted with it."""
    ERROR = 3
    """A bundle with it is refused."""


class Code(NamedTuple):
    """One kind of finding."""

    number: str
    level: Level
    istio: str
    """The message of `istioctl analyze` that is nearest, or nothing."""
    title: str


def _error(number: int, istio: str, title: str) -> Code:
    return Code(f"PLT{number:04}", Level.ERROR, istio, title)


def _warning(number: int, istio: str, title: str) -> Code:
    return Code(f"PLT{number:04}", Level.WARNING, istio, title)


def _info(number: int, istio: str, title: str) -> Code:
    return Code(f"PLT{number:04}", Level.INFO, istio, title)


_SCHEMA = "IST0106"

CODES: dict[ProblemCode, Code] = {
    # 01: one document, read by itself
    ProblemCode.UNREADABLE: _error(101, _SCHEMA, "the text is no YAML or JSON"),
    ProblemCode.TOO_LARGE: _error(102, _SCHEMA, "the text goes over a limit"),
    ProblemCode.DUPLICATE_KEY: _error(103, _SCHEMA, "a key stands twice in a mapping"),
    ProblemCode.UNKNOWN_KIND: _error(104, _SCHEMA, "the kind is none of policy"),
    ProblemCode.UNSUPPORTED_KIND: _error(105, "", "the kind cannot be honoured"),
    ProblemCode.UNSUPPORTED_VERSION: _error(106, _SCHEMA, "the kind has no such version"),
    ProblemCode.UNKNOWN_FIELD: _error(107, _SCHEMA, "the field is unknown"),
    ProblemCode.UNSUPPORTED_FIELD: _error(108, "", "the field cannot be honoured"),
    ProblemCode.UNSUPPORTED_VALUE: _error(109, "", "the value cannot be honoured"),
    ProblemCode.INVALID_TYPE: _error(110, _SCHEMA, "the value is of another type"),
    ProblemCode.INVALID_VALUE: _error(111, _SCHEMA, "the value makes no sense"),
    ProblemCode.REQUIRED: _error(112, _SCHEMA, "a field is missing"),
    # 02: what documents say about each other
    ProblemCode.UNKNOWN_SUBSET: _error(201, "IST0101", "no DestinationRule defines the subset"),
    ProblemCode.UNKNOWN_GATEWAY: _error(202, "IST0101", "there is no such Gateway"),
    ProblemCode.DUPLICATE_DOCUMENT: _error(203, "", "a document stands twice in a bundle"),
    ProblemCode.DUPLICATE_HOST: _error(204, "", "two DestinationRules, or two ServiceEntries, claim one host"),
    ProblemCode.NOT_FOUND: _error(205, "", "the document is not in force"),
    ProblemCode.CONFLICTING_HOSTS: _warning(206, "IST0109", "two VirtualServices claim one host inside the mesh"),
    ProblemCode.HOST_NOT_IN_GATEWAY: _warning(207, "IST0132", "no server of the Gateway answers for the host"),
    ProblemCode.CONFLICTING_GATEWAYS: _warning(208, "IST0145", "two Gateways claim one host at one port"),
    ProblemCode.NOT_FOR_INGRESS: _info(209, "IST0140", "rules for the mesh do not hold for requests from the gateway"),
    ProblemCode.UNKNOWN_DELEGATE: _error(
        210, "IST0101", "a delegate is missing, or does not fit the route that names it"
    ),
    ProblemCode.CONFLICTING_BLOCKS: _warning(211, "", "two Resilience documents say the same thing of one destination"),
    # 03: what has no effect, or another than it seems
    ProblemCode.NO_EFFECT: _warning(301, "IST0167", "the field changes nothing"),
    ProblemCode.DEPRECATED: _warning(302, "IST0002", "the field or value is deprecated"),
    ProblemCode.UNREACHABLE: _warning(303, "IST0130", "no request can reach the route"),
    ProblemCode.INEFFECTIVE_MATCH: _info(304, "IST0131", "an earlier match takes all that this one could"),
    ProblemCode.LARGE: _warning(305, "", "a value is so large that it slows each request down"),
    ProblemCode.APPROXIMATED: _warning(306, "", "the field is honoured in another way than Istio's"),
    # 04: what the mesh has, besides policy
    ProblemCode.UNKNOWN_HOST: _warning(401, "IST0101", "there is no such service"),
    ProblemCode.EMPTY_SUBSET: _warning(402, "IST0173", "no instance carries the subset's labels"),
    ProblemCode.UNKNOWN_RULE_HOST: _warning(403, "IST0174", "a rule is about a service that is not there"),
    ProblemCode.NO_GATEWAY: _warning(404, "IST0127", "no gateway carries the selector's labels"),
    ProblemCode.NO_EGRESS: _warning(405, "", "no egress node runs that could carry calls out of the mesh"),
}


def number_of(code: str) -> str:
    """Return the number of a code's word, `PLT0107`, or nothing for one that has none."""
    try:
        return CODES[ProblemCode(code)].number
    except (ValueError, KeyError):
        return ""


def level_of(code: str) -> Level:
    """Return how bad a code is; one that has no number is an error."""
    try:
        return CODES[ProblemCode(code)].level
    except (ValueError, KeyError):
        return Level.ERROR


def codes_table() -> str:
    """Return `docs/codes/README.md`."""
    lines = [
        "# What `plait analyze` and `plait apply` find",
        "",
        "Made from the code (`make docs`). Errors refuse a bundle, warnings and infos do not. Each number has a",
        "page with an example that raises it and one that does not; a test holds both against the analyzer.",
        "",
        "| number | level | code | Istio | |",
        "|---|---|---|---|---|",
    ]
    for word, one in CODES.items():
        link = f"[{one.number}]({one.number}.md)"
        lines.append(f"| {link} | {one.level.name.lower()} | `{word.value}` | {one.istio} | {one.title} |")
    return "\n".join([*lines, ""])
