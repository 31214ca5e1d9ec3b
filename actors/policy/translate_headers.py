"""A VirtualService's changes of headers: checked, and put in the rules' words."""

import re
from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from ..messages.rule import HeaderChange
from ..routing.edit import AUTHORITY
from .istio_route_action import HeaderOperations, Headers
from .problem import Path, ProblemCode, Report

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PERCENT = re.compile(r"%(?:(%)|[^%]*%|)")
_AUTHORITY = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?\Z")
_CONNECTIONS = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_MESHES = frozenset({"traceparent", "tracestate", "baggage"})


def header_changes(
    headers: Headers | UnsetType, path: Path, report: Report
) -> tuple[HeaderChange | None, HeaderChange | None]:
    """Return the changes of the request's headers and of the answer's; None where there is none."""
    if headers is UNSET:
        return None, None
    return (
        _change(headers.request, (*path, "request"), report, request=True),
        _change(headers.response, (*path, "response"), report, request=False),
    )


def check_authority(text: str, path: Path, report: Report) -> None:
    """Refuse what is no authority."""
    if _AUTHORITY.match(text) is None:
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{text[:64]!r} is no host with an optional port")


def _change(
    operations: HeaderOperations | UnsetType, path: Path, report: Report, *, request: bool
) -> HeaderChange | None:
    if operations is UNSET:
        return None
    remove: list[str] = []
    for place, name in enumerate(operations.remove):
        where = (*path, "remove", place)
        if name.startswith(":") or name.lower() == "host":
            report.warn(ProblemCode.NO_EFFECT, where, f"{name} cannot be removed: no request is without it")
        elif _changeable(name, where, report):
            remove.append(name.lower())
    overwritten = _fields(operations.set, (*path, "set"), report, request)
    added = _fields(operations.add, (*path, "add"), report, request)
    if any(name in AUTHORITY for name, _ in overwritten):
        for name in operations.add:
            if name.lower() in AUTHORITY:
                report.warn(ProblemCode.NO_EFFECT, (*path, "add", name), "the authority that is set counts alone")
    return HeaderChange(overwritten, added, tuple(remove))


def _fields(fields: Mapping[str, str], path: Path, report: Report, request: bool) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for name, value in fields.items():
        where, lower = (*path, name), name.lower()
        if lower in found:
            report.refuse(ProblemCode.INVALID_VALUE, where, f"header {name!r} stands here twice")
        elif lower in AUTHORITY and request:
            check_authority(value, where, report)
            if any(one in found for one in AUTHORITY):
                report.refuse(ProblemCode.INVALID_VALUE, where, "the authority is set twice")
            found[lower] = value
        elif lower.startswith(":") or lower == "host":
            what = "only a request's authority can be" if request else "no answer has it"
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{name[:64]!r} cannot be changed like a header: {what}")
        elif _changeable(name, where, report):
            found[lower] = _value(value, where, report)
    return tuple(found.items())


def _changeable(name: str, path: Path, report: Report) -> bool:
    """Whether a route may change this header; said where not."""
    lower = name.lower()
    if TOKEN.match(name) is None:
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{name[:64]!r} is no header name")
    elif lower in _CONNECTIONS:
        report.warn(ProblemCode.NO_EFFECT, path, f"{name} has no effect: each connection decides it for itself")
    elif lower in _MESHES:
        report.warn(ProblemCode.NO_EFFECT, path, f"{name} has no effect: the mesh itself carries it")
    else:
        return True
    return False


def _value(value: str, path: Path, report: Report) -> str:
    """A header's value; `%` has a meaning in it, as in Envoy."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{value[:64]!r} holds a character that no header can hold")
        return value
    if _CONTROL.search(value):
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{value[:64]!r} holds a control character")
    found = {one[0] for one in _PERCENT.finditer(value)}
    if "%" in found:
        hint = "write '%%' for a percent sign"
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{value[:64]!r} holds a single '%'", hint)
    elif found - {"%%"}:
        message = f"{value[:64]!r} is sent as it stands: Envoy's variables are not known here"
        report.warn(ProblemCode.NO_EFFECT, path, message)
    return value.replace("%%", "%")
