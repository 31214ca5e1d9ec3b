"""Istio's Gateway as users write it: every field by name, what is not honoured marked as such."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

from typing import ClassVar

from msgspec import UNSET, UnsetType

from .scalar import Later, NoEnvoy
from .spec import Port, Spec


class ServerPort(Spec):
    """A port that a gateway listens on."""

    mistaken: ClassVar[dict[str, str]] = {"port": "number"}

    number: Port | UnsetType = UNSET
    protocol: str = ""
    name: str = ""
    target_port: Later = UNSET


class ServerTLSSettings(Spec):
    """How a server secures connections."""

    mistaken: ClassVar[dict[str, str]] = {"redirect": "httpsRedirect", "redirectHttps": "httpsRedirect"}

    https_redirect: bool | UnsetType = UNSET
    mode: Later = UNSET
    server_certificate: Later = UNSET
    private_key: Later = UNSET
    ca_certificates: Later = UNSET
    ca_crl: Later = UNSET
    ca_cert_credential_name: Later = UNSET
    credential_name: Later = UNSET
    credential_names: Later = UNSET
    tls_certificates: Later = UNSET
    subject_alt_names: Later = UNSET
    verify_certificate_spki: Later = UNSET
    verify_certificate_hash: Later = UNSET
    min_protocol_version: Later = UNSET
    max_protocol_version: Later = UNSET
    cipher_suites: Later = UNSET


class Server(Spec):
    """One port and the hosts it answers for."""

    port: ServerPort | UnsetType = UNSET
    hosts: list[str] = []
    name: str = ""
    bind: Later = UNSET
    tls: ServerTLSSettings | UnsetType = UNSET
    default_endpoint: NoEnvoy | UnsetType = UNSET


class Gateway(Spec):
    """The spec of a Gateway."""

    mistaken: ClassVar[dict[str, str]] = {"server": "servers", "labels": "selector"}

    servers: list[Server] = []
    selector: dict[str, str] = {}
