"""Names that may stand in a subject: services, instances, nodes and tokens."""

import re

from .error import InvalidName

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_SUFFIX = ".svc.cluster.local"
_TOPIC_TOKENS, _TOPIC_LENGTH = 16, 255


def label(text: str, what: str = "name") -> str:
    """Return `text` when it is an RFC 1123 label of at most 63 characters.

    Raises:
        InvalidName: it is not.
    """
    if _LABEL.match(text) is None:
        raise InvalidName(
            f"{what} {text[:64]!r} is no RFC 1123 label (lower-case letters, digits and '-', at most 63 characters)"
        )
    return text


def token(text: str, what: str = "token") -> str:
    """Return `text` when it can be one token of a subject.

    Raises:
        InvalidName: it holds a dot, a wildcard, white space or anything else outside `[A-Za-z0-9_-]`.
    """
    if _TOKEN.match(text) is None:
        raise InvalidName(f"{what} {text[:64]!r} cannot stand in a subject")
    return text


def topic(text: str) -> str:
    """Return `text` when it is a topic of events: one to 16 tokens joined by dots, at most 255 characters.

    Raises:
        InvalidName: it is not.
    """
    parts = text.split(".")
    if len(text) > _TOPIC_LENGTH or len(parts) > _TOPIC_TOKENS or not all(map(_TOKEN.match, parts)):
        raise InvalidName(
            f"topic {text[:64]!r} is none: it takes one to {_TOPIC_TOKENS} words of letters, digits, '_' and '-' "
            f"with dots between them, `orders.created`, and at most {_TOPIC_LENGTH} characters"
        )
    return text


def service_token(host: str, namespace: str = "default") -> str:
    """Return the subject token of the service that `host` names, seen from `namespace`.

    `x`, `x.ns`, `x.ns.svc` and `x.ns.svc.cluster.local` name the same service; the namespace `default` is implicit, any
    other follows an underscore: `x_ns`.

    Raises:
        InvalidName: the host is not of these forms.
    """
    short = host.removesuffix(_SUFFIX) if host.endswith(_SUFFIX) else host.removesuffix(".svc")
    name, dot, space = short.partition(".")
    space = space if dot else namespace
    label(name, "service")
    label(space, "namespace")
    return name if space == "default" else f"{name}_{space}"


def called_token(host: str, namespace: str = "default") -> str:
    """Return the subject token of what may be called by `host`: a service, or a host outside the mesh.

    A name of three or more labels that is none of the mesh's is outside: `www.example.com` becomes `www_example_com`.
    `example.com` reads like service `example` of namespace `com`, and so it is called; see `docs/egress.md`.

    Raises:
        InvalidName: the host is neither.
    """
    if host.count(".") < 2 or host.endswith((".svc", _SUFFIX)):
        return service_token(host, namespace)
    found = host.replace(".", "_")
    for part in host.split("."):
        label(part, "part of a host")
    return token(found, "host")


def is_outside(service: str) -> bool:
    """Return whether a subject token can only be a host's outside the mesh."""
    return service.count("_") > 1


def host_of(service: str) -> str:
    """Return the full host name of a subject token: `x.ns.svc.cluster.local`, or that of a host outside the mesh."""
    if is_outside(service):
        return service.replace("_", ".")
    name, _, space = service.partition("_")
    return f"{name}.{space or 'default'}{_SUFFIX}"
