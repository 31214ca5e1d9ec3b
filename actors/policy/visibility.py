"""`exportTo`: which namespaces' callers a rule holds for."""

from msgspec import UNSET, UnsetType

from .hostname import is_label
from .problem import Path, ProblemCode, Report
from .spec import Spec


def exported_to(spec: Spec, namespace: str, report: Report) -> tuple[str, ...] | None:
    """Return the namespaces that a document's spec is visible to, none for all; None where it does not say."""
    listed: list[str] | UnsetType = getattr(spec, "export_to", UNSET)
    if listed is UNSET:
        return None
    found: list[str] = []
    for place, text in enumerate(listed):
        where: Path = ("spec", "exportTo", place)
        space = namespace if text == "." else text
        if text != "*" and not is_label(space):
            hint = "'.' for the own namespace, '*' for all, or names"
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{text[:64]!r} is no namespace", hint)
        elif space in found:
            report.refuse(ProblemCode.INVALID_VALUE, where, f"namespace {space!r} stands here twice")
        found.append(space)
    if "*" in found and len(found) > 1:
        message = "'*' is all namespaces: no other can stand beside it"
        report.refuse(ProblemCode.INVALID_VALUE, ("spec", "exportTo"), message)
    return () if "*" in found else tuple(found)
