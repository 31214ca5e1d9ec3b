"""Reads a mesh file: settings for `UpOptions`, or every mistake in it with its path, line and what was meant."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from ..actors.loop.backoff import Backoff
from ..actors.messages.error import InvalidName
from ..actors.messages.name import label
from ..actors.policy.conform import conform
from ..actors.policy.problem import Path as Place
from ..actors.policy.problem import Problem, ProblemCode, Report
from ..actors.policy.source import Unreadable, nodes, plain
from .mesh_spec import MeshSpec, Pause, ServiceSpec
from .plan import NAME, Patience, Plan
from .source_file import Sources

LARGEST = 1024 * 1024
"""Bytes of a file that are read."""


class Unfit(ValueError):
    """The file has mistakes."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"line {one.line}: {one.path}: {one.message}" for one in problems))
        self.problems = problems


class MeshFile(msgspec.Struct, frozen=True):
    """What a file says. What it does not mention is not in `settings`."""

    settings: dict[str, Any]
    """Fields of `UpOptions`."""
    policies: tuple[str, ...]
    """Files and folders, absolute."""


def read(path: Path) -> MeshFile:
    """Return what the file at `path` says; names of files in it count from its folder.

    Raises:
        Unfit: it has mistakes; all of them are told.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    return parse(content, path.absolute().parent)


def parse(content: bytes, folder: Path) -> MeshFile:
    """Return what `content` says of a mesh whose files are in `folder`; see `read`."""
    lines: dict[Place, int] = {}

    def line(place: Place) -> int:
        while place not in lines and place:
            place = place[:-1]
        return lines.get(place, 0)

    report = Report("", line)
    try:
        documents = list(nodes(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        at = content.count(b"\n", 0, error.start) + 1
        raise Unfit([Problem(ProblemCode.UNREADABLE, "", "$", at, "the text is not UTF-8")]) from None
    except Unreadable as error:
        raise Unfit([Problem(error.code, "", "$", error.line, str(error))]) from None
    if len(documents) > 1:
        message, hint = "a mesh file is one document", "policies stand in files of their own, named in `policies`"
        raise Unfit([Problem(ProblemCode.INVALID_VALUE, "", "$", documents[1].line, message, hint)])
    value = plain(documents[0], lines) if documents else None
    spec = conform({} if value is None else value, MeshSpec, (), report)
    for name in spec.services:
        _check_name(name, report)
    report.settle()
    plans = tuple(_plan(name, one, folder, report) for name, one in spec.services.items())
    policies = tuple(str(folder / one) for one in spec.policies)
    for number, one in enumerate(policies):
        if not Path(one).exists():
            report.refuse(ProblemCode.NOT_FOUND, ("policies", number), f"there is no file or folder {one}")
    settings = _settings(spec, folder, report)
    if report.problems:
        raise Unfit(sorted(report.problems, key=lambda one: one.line))
    return MeshFile({**settings, "services": tuple(plan for plan in plans if plan.replicas)}, policies)


def _settings(spec: MeshSpec, folder: Path, report: Report) -> dict[str, Any]:
    settings: dict[str, Any] = {"app": ()}
    if spec.registry is not UNSET:
        settings["registries"] = spec.registry.replicas
    if spec.policy is not UNSET:
        settings["engines"] = spec.policy.replicas
    for name in ("mesh", "nats", "nats_sys", "otlp", "advertise", "locality"):
        if (value := getattr(spec, name)) is not UNSET:
            settings[name] = str(value)
    for name in ("access_log_format", "log_format", "log_level"):
        if (choice := getattr(spec, name)) is not UNSET:
            settings[name] = choice.value
    if spec.access_log:
        settings["access_log"] = spec.access_log if spec.access_log == "-" else str(folder / spec.access_log)
    if spec.sampling is not UNSET:
        settings["sampling"] = spec.sampling
    if spec.egress is not UNSET:
        settings["egress"] = spec.egress
    if spec.state:
        settings["state"] = str(folder / spec.state)
    if spec.admin is not UNSET:
        settings["admin"] = spec.admin.listen()
    if spec.gateway is not UNSET and spec.gateway.http:
        settings["http"] = tuple(one.listen() for one in spec.gateway.http if one)  # one that was refused is empty
    if spec.gateway is not UNSET and spec.gateway.trusted_hops is not UNSET:
        settings["trusted_hops"] = spec.gateway.trusted_hops
    if spec.dns is not UNSET:
        if spec.dns.listen is UNSET:
            report.missing(("dns", "listen"), "dns needs an address", 'such as "127.0.0.1:8600"')
            return settings
        settings["dns"] = spec.dns.listen.listen()
        if spec.dns.forward is not UNSET:
            settings["dns_forward"] = spec.dns.forward.listen()
            if not settings["dns_forward"].port:
                report.refuse(ProblemCode.INVALID_VALUE, ("dns", "forward"), "it names no port to ask", "DNS has 53")
        settings["dns_ttl"] = int(spec.dns.ttl)
    return settings


def _check_name(name: str, report: Report) -> None:
    try:
        label(name, "service")
    except InvalidName as error:
        report.refuse(ProblemCode.INVALID_VALUE, ("services", name), str(error))
    else:
        if len(name) > NAME:
            report.refuse(ProblemCode.TOO_LARGE, ("services", name), f"a service's name has at most {NAME} letters")


def _plan(name: str, spec: ServiceSpec, folder: Path, report: Report) -> Plan:
    place: Place = ("services", name)
    directory = folder / spec.directory
    if not directory.is_dir():
        report.refuse(ProblemCode.NOT_FOUND, (*place, "directory"), f"there is no folder {directory}")
    python_path = [directory / one for one in spec.python_path]
    for number, one in enumerate(python_path):
        if not one.is_dir():
            report.refuse(ProblemCode.NOT_FOUND, (*place, "pythonPath", number), f"there is no folder {one}")
    for kind, pairs in (("environment", spec.environment), ("labels", spec.labels)):
        for key, value in pairs.items():
            if not key or "=" in key or "\0" in key + value:
                report.refuse(ProblemCode.INVALID_VALUE, (*place, kind, key), f"{key!r} cannot stand in {kind}")
    pause = Pause() if spec.backoff is UNSET else spec.backoff
    if pause.max < pause.initial:
        report.refuse(ProblemCode.INVALID_VALUE, (*place, "backoff", "max"), "max is less than initial")
    targets: tuple[str, ...] = () if spec.target is UNSET else tuple(spec.target)
    if not targets:
        report.missing((*place, "target"), "a service needs a target", 'such as "shop.orders:Orders"')
    sources = Sources((directory, *python_path))
    for module in dict.fromkeys(one.partition(":")[0] for one in targets):
        if (near := sources.missing(module)) is not None:
            hint = f"did you mean {near!r}?" if near else ""
            message = f"there is no module {module!r} (searched from {directory})"
            report.refuse(ProblemCode.NOT_FOUND, (*place, "target"), message, hint)
    return Plan(
        name,
        targets,
        spec.replicas,
        spec.environment,
        spec.labels,
        "" if spec.locality is UNSET else str(spec.locality),
        spec.restart,
        Patience(Backoff(float(pause.initial), float(pause.max), reset=float(pause.reset)), pause.tries),
        str(directory.resolve()),
        tuple(str(one.resolve()) for one in python_path),
        () if spec.health is UNSET else tuple(spec.health),
        spec.weight,
    )
