"""The parts of Istio's HTTP routes that change requests and answers or answer themselves, as users write them."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import Base64, Duration
from .spec import Port, Spec, StringMatch


class RegexRewrite(Spec):
    """What a path's matches of a regex become."""

    mistaken: ClassVar[dict[str, str]] = {"regex": "match", "pattern": "match", "substitution": "rewrite"}

    match: str = ""
    rewrite: str | UnsetType = UNSET


class HTTPRewrite(Spec):
    """What path and authority become."""

    mistaken: ClassVar[dict[str, str]] = {
        "path": "uri",
        "host": "authority",
        "prefix": "uri",
        "regex": "uriRegexRewrite",
    }

    uri: str | UnsetType = UNSET
    authority: str | UnsetType = UNSET
    uri_regex_rewrite: RegexRewrite | UnsetType = UNSET


class DerivePort(enum.Enum):
    """Where a redirect's port comes from."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"


class HTTPRedirect(Spec):
    """An answer that sends the client elsewhere."""

    mistaken: ClassVar[dict[str, str]] = {
        "path": "uri",
        "host": "authority",
        "code": "redirectCode",
        "status": "redirectCode",
        "protocol": "scheme",
    }

    uri: str | UnsetType = UNSET
    prefix_rewrite: str | UnsetType = UNSET
    authority: str | UnsetType = UNSET
    port: Port | UnsetType = UNSET
    derive_port: DerivePort | UnsetType = UNSET
    scheme: str | UnsetType = UNSET
    redirect_code: int | UnsetType = UNSET


class HTTPBody(Spec):
    """What an answer says."""

    mistaken: ClassVar[dict[str, str]] = {"text": "string", "inline": "string", "base64": "bytes"}

    string: str | UnsetType = UNSET
    bytes: Base64 | UnsetType = UNSET


class HTTPDirectResponse(Spec):
    """An answer that the route gives."""

    mistaken: ClassVar[dict[str, str]] = {"code": "status", "statusCode": "status", "httpStatus": "status"}

    status: Annotated[int, Meta(ge=200, le=599)] | UnsetType = UNSET
    body: HTTPBody | UnsetType = UNSET


class HeaderOperations(Spec):
    """Changes of one direction's headers."""

    mistaken: ClassVar[dict[str, str]] = {"append": "add", "replace": "set", "overwrite": "set", "delete": "remove"}

    set: dict[str, str] = {}
    add: dict[str, str] = {}
    remove: list[str] = []


class Headers(Spec):
    """Changes of a request's headers and of its answer's."""

    request: HeaderOperations | UnsetType = UNSET
    response: HeaderOperations | UnsetType = UNSET


class UnmatchedPreflights(enum.Enum):
    """What becomes of preflights from origins that are not allowed."""

    UNSPECIFIED = "UNSPECIFIED"
    FORWARD = "FORWARD"
    IGNORE = "IGNORE"


class CorsPolicy(Spec):
    """What browsers are told about requests from other origins."""

    mistaken: ClassVar[dict[str, str]] = {
        "origins": "allowOrigins",
        "methods": "allowMethods",
        "headers": "allowHeaders",
        "credentials": "allowCredentials",
    }

    allow_origin: list[str] = []
    allow_origins: list[StringMatch] = []
    allow_methods: list[str] = []
    allow_headers: list[str] = []
    expose_headers: list[str] = []
    max_age: Duration | UnsetType = UNSET
    allow_credentials: bool | UnsetType = UNSET
    unmatched_preflights: UnmatchedPreflights | UnsetType = UNSET
