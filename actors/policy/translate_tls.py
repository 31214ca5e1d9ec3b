"""A DestinationRule's tls block → how egress nodes secure their connections."""

from msgspec import UNSET, UnsetType

from ..messages.external import ClientTls as Tls
from ..messages.name import is_outside
from .istio_destination_rule import ClientTls, TlsMode
from .problem import Path, ProblemCode, Report

IDLE = (TlsMode.DISABLE, TlsMode.ISTIO_MUTUAL)


def client_tls(tls: ClientTls, service: str, path: Path, report: Report) -> Tls | None:
    """Return how connections to `service` (its token, or a wildcard) are secured, None where they are plain.

    That a service which may be outside the mesh is so is not looked at here.
    """
    mode, where = tls.mode, (*path, "mode")
    if mode in IDLE:
        if not is_outside(service):
            message = f"{mode.value} has no effect: the bus's own settings secure connections"
            report.warn(ProblemCode.NO_EFFECT, where, message)
        elif mode is TlsMode.ISTIO_MUTUAL:
            message = "ISTIO_MUTUAL has no effect: outside the mesh nobody knows certificates of the mesh"
            report.warn(ProblemCode.NO_EFFECT, where, message, "SIMPLE or MUTUAL secure the connections")
        return None
    if "_" not in service and "*" not in service:
        message = f"{mode.value} is for services outside the mesh: the bus's own settings secure connections in it"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, message)
        return None
    if "subsets" in path:
        message = f"{mode.value} in a subset is not supported: it holds for the whole host"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, message, "write it in spec.trafficPolicy")
    certificate, key = _text(tls.client_certificate), _text(tls.private_key)
    if mode is TlsMode.MUTUAL:
        for field, value in (("clientCertificate", certificate), ("privateKey", key)):
            if not value:
                report.missing((*path, field), f"MUTUAL needs its {field}", "a PEM file on the egress node")
    else:
        for field, value in (("clientCertificate", certificate), ("privateKey", key)):
            if value:
                message = f"{field} has no effect with SIMPLE: it is for MUTUAL"
                report.warn(ProblemCode.NO_EFFECT, (*path, field), message)
        certificate = key = ""
    authorities = _text(tls.ca_certificates)
    names = () if tls.subject_alt_names is UNSET else tuple(tls.subject_alt_names)
    return Tls(certificate, key, "" if authorities == "system" else authorities, names, _text(tls.sni))


def _text(value: str | UnsetType) -> str:
    return "" if value is UNSET else value
