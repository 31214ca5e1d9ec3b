"""Istio's ServiceEntry as users write it: every field by name, what is not honoured marked as such."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import Never
from .spec import Port, Spec

NoWorkloads = Annotated[
    Never, Meta(description="there are no WorkloadEntries: instances of the mesh register themselves")
]


class Location(enum.Enum):
    """Whether Istio takes the service for one of the mesh."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    MESH_INTERNAL = "MESH_INTERNAL"


class Resolution(enum.Enum):
    """How Istio finds the service's addresses."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


class ServicePort(Spec):
    """A port of the service."""

    mistaken: ClassVar[dict[str, str]] = {"port": "number"}

    number: Port | UnsetType = UNSET
    protocol: str = ""
    name: str = ""
    target_port: Port | UnsetType = UNSET


class WorkloadEntry(Spec):
    """One address behind the service."""

    mistaken: ClassVar[dict[str, str]] = {"port": "ports", "host": "address"}

    address: str = ""
    ports: dict[str, Port] = {}
    labels: dict[str, str] = {}
    network: str | UnsetType = UNSET
    locality: str = ""
    weight: int | UnsetType = UNSET
    service_account: str | UnsetType = UNSET


class ServiceEntry(Spec):
    """The spec of a ServiceEntry."""

    mistaken: ClassVar[dict[str, str]] = {"host": "hosts", "port": "ports", "endpoint": "endpoints"}

    hosts: list[str] = []
    addresses: list[str] | UnsetType = UNSET
    ports: list[ServicePort] = []
    location: Location = Location.MESH_EXTERNAL
    resolution: Resolution = Resolution.NONE
    endpoints: list[WorkloadEntry] = []
    workload_selector: NoWorkloads | UnsetType = UNSET
    export_to: list[str] | UnsetType = UNSET
    subject_alt_names: list[str] = []
