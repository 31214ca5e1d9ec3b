"""Documents → rules: the envelope is checked, then the spec's shape, then its meaning; every mistake is reported."""

from typing import Any, ClassVar, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..messages.rule import DestinationPolicy, Rule, RuleSet
from .conform import conform
from .document import Document
from .hint import did_you_mean
from .hostname import is_label, is_subdomain
from .kind import KINDS, LATER, NEVER, Kind
from .problem import Problem, ProblemCode, Report
from .scalar import Later
from .spec import Spec
from .visibility import exported_to

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)


class Metadata(Spec):
    """A document's name; what only a Kubernetes server writes is let pass."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generate_name: Later = UNSET
    creation_timestamp: Any = None
    deletion_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    finalizers: Any = None
    generation: Any = None
    managed_fields: Any = None
    owner_references: Any = None
    resource_version: Any = None
    self_link: Any = None
    uid: Any = None


class Envelope(Spec):
    """What every document has."""

    mistaken: ClassVar[dict[str, str]] = {"meta": "metadata", "version": "apiVersion"}

    api_version: str = ""
    kind: str = ""
    metadata: Metadata | UnsetType = UNSET
    spec: Any = None
    status: Any = None


class Translation(NamedTuple):
    """What became of one document."""

    rule: Rule | None
    """None where there are problems."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def translate(document: Document) -> Translation:
    """Return the rule that `document` stands for, or every reason why it stands for none."""
    report = Report(document.key, document.line)
    rule: Rule | None = None
    kind = _kind(document, report)
    if kind is not None:
        envelope = conform(document.body, Envelope, (), report)
        report.settle()
        _check_names(envelope, report)
        spec = conform({} if envelope.spec is None else envelope.spec, kind.spec, ("spec",), report)
        report.settle()
        namespace = document.namespace if is_label(document.namespace) else "default"
        rule = _limited(kind.translate(spec, namespace, document.name, report), spec, namespace, report)
    return Translation(None if report.problems else rule, tuple(report.problems), tuple(report.warnings))


def _kind(document: Document, report: Report) -> Kind | None:
    """The document's kind, where it is one that is understood in this version."""
    name, group = document.kind, document.api_version.rpartition("/")[0]
    kind = KINDS.get(name)
    if not name:
        report.missing(("kind",), "a document needs a kind", "such as VirtualService")
    elif name in NEVER:
        report.refuse(ProblemCode.UNSUPPORTED_KIND, ("kind",), f"{name} cannot be honoured: {NEVER[name]}")
    elif name in LATER or (kind is not None and group.endswith("networking.k8s.io")):
        report.refuse(ProblemCode.UNSUPPORTED_KIND, ("kind",), f"{name} ({group}) is not supported yet")
    elif kind is None:
        hint = did_you_mean(name, KINDS) or "kinds: " + ", ".join(KINDS)
        report.refuse(ProblemCode.UNKNOWN_KIND, ("kind",), f"{name[:64]!r} is no kind of policy", hint)
    elif not document.api_version:
        report.missing(("apiVersion",), "a document needs an apiVersion", f"{kind.group}/{kind.versions[0]}")
    elif document.api_version not in {f"{kind.group}/{version}" for version in kind.versions}:
        hint = "one of " + ", ".join(f"{kind.group}/{version}" for version in kind.versions)
        message = f"{name} has no version {document.api_version[:64]!r}"
        report.refuse(ProblemCode.UNSUPPORTED_VERSION, ("apiVersion",), message, hint)
    else:
        return kind
    return None


def _check_names(envelope: Envelope, report: Report) -> None:
    metadata = Metadata() if envelope.metadata is UNSET else envelope.metadata
    where = ("metadata", "name")
    if not metadata.name:
        report.missing(where, "a document needs a name")
    elif not is_subdomain(metadata.name):
        hint = "lower-case letters, digits, '-' and '.'"
        report.refuse(ProblemCode.INVALID_VALUE, where, f"{metadata.name[:64]!r} is no DNS name", hint)
    where = ("metadata", "namespace")
    if metadata.namespace and not is_label(metadata.namespace):
        hint = "lower-case letters, digits and '-', at most 63"
        report.refuse(ProblemCode.INVALID_VALUE, where, f"{metadata.namespace[:64]!r} is no namespace", hint)
    if envelope.spec is None:
        report.missing(("spec",), "a document needs a spec")


def _limited(rule: Rule, spec: Spec, namespace: str, report: Report) -> Rule:
    """The rule with whom it is visible to."""
    exported = exported_to(spec, namespace, report)
    if exported is None or not isinstance(rule, RuleSet | DestinationPolicy):
        return rule
    if isinstance(rule, DestinationPolicy) and rule.export_to and exported != rule.export_to:
        message = "a rule with a workloadSelector holds in its own namespace alone"
        report.refuse(ProblemCode.INVALID_VALUE, ("spec", "exportTo"), message, 'leave it out, or write ["."]')
    return replace(rule, export_to=exported)
