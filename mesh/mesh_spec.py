"""The shape of a mesh file: every field of it by its name, each value with its own check."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

import enum
import re
from typing import Annotated, ClassVar, cast

from msgspec import UNSET, Meta, UnsetType

from ..actors.messages.error import InvalidName
from ..actors.messages.name import label
from ..actors.policy.scalar import Duration, PositiveDuration, Scalar
from ..actors.policy.source import as_list
from ..actors.policy.spec import Spec
from .declared_check import DeclaredChecks
from .options import Listen, parse_ip, parse_listen
from .plan import Restart

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")
Count = Annotated[int, Meta(ge=1, le=1000)]
Few = Annotated[int, Meta(ge=1, le=16)]


def _text(value: object, example: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value):
        raise ValueError(f"{str(value)[:64]!r} is not what stands here", f"such as {example}")
    return str(value)


class Address(str, Scalar):
    """Where a server listens: `HOST:PORT`, `:PORT` or `PORT`, as text for `parse_listen`."""

    __slots__ = ()

    mapped: ClassVar[bool] = False

    @classmethod
    def parse(cls, value: object) -> "Address":
        """Return it.

        Raises:
            ValueError: it is no address.
        """
        text = _text(value, "127.0.0.1:8080")
        try:
            parse_listen(text, mapped=cls.mapped)
        except InvalidName as error:
            raise ValueError(str(error)) from None
        return cls(text)

    def listen(self) -> Listen:
        """Return it in its parts."""
        return parse_listen(self, mapped=self.mapped)


class MappedAddress(Address):
    """An address of the gateway: `=PORT` behind it is the Gateway's port that it serves."""

    mapped: ClassVar[bool] = True


class Ip(str, Scalar):
    """An IP address that others can use."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Ip":
        """Return it.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(parse_ip(_text(value, "10.0.0.5")))
        except InvalidName as error:
            raise ValueError(str(error)) from None


class Url(str, Scalar):
    """An address with a scheme."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Url":
        """Return it.

        Raises:
            ValueError: it has no scheme.
        """
        text = _text(value, "nats://127.0.0.1:4222")
        if re.match(r"[a-z][a-z0-9+.-]*://[^/\s]", text) is None:
            raise ValueError(f"{text.rpartition('@')[2][:64]!r} is no URL", "such as nats://127.0.0.1:4222")
        return cls(text)


class Name(str, Scalar):
    """An RFC 1123 label."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Name":
        """Return it.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(label(_text(value, "shop")))
        except InvalidName as error:
            raise ValueError(str(error)) from None


class Locality(str, Scalar):
    """`region/zone/subzone`, the last ones optional."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Locality":
        """Return it.

        Raises:
            ValueError: it has no part, an empty one, or more than three.
        """
        text = _text(value, "eu/a")
        if len(text.split("/")) > 3 or not all(text.split("/")):
            raise ValueError(f"{text[:64]!r} is no locality", "REGION, REGION/ZONE or REGION/ZONE/SUBZONE")
        return cls(text)


class Targets(tuple[str, ...], Scalar):
    """One `module:Class`, or a list of those that share a process."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Targets":
        """Return all of them.

        Raises:
            ValueError: there is none, or one is no such name.
        """
        parts = as_list(value)
        parts = [value] if parts is None else parts
        for one in parts:
            if not isinstance(one, str) or _TARGET.match(one) is None:
                hint = 'such as "shop.orders:Orders"'
                raise ValueError(f"{str(one)[:64]!r} is no service as module:Class", hint)
        if not parts:
            raise ValueError("there is no target", 'such as "shop.orders:Orders"')
        if len(set(map(str, parts))) < len(parts):
            raise ValueError("a target stands here twice", "`replicas` runs several")
        return cls(cast("list[str]", parts))


class Pause(Spec):
    """How long to wait before a process is started again, and how often."""

    mistaken: ClassVar[dict[str, str]] = {"base": "initial", "maximum": "max", "ceiling": "max", "retries": "tries"}

    initial: PositiveDuration = PositiveDuration(0.2)
    max: PositiveDuration = PositiveDuration(10.0)
    reset: PositiveDuration = PositiveDuration(10.0)
    tries: Annotated[int, Meta(ge=0, le=1_000_000)] = 5


class ServiceSpec(Spec):
    """One service."""

    mistaken: ClassVar[dict[str, str]] = {
        "targets": "target",
        "class": "target",
        "command": "target",
        "env": "environment",
        "cwd": "directory",
        "workingDir": "directory",
        "working_dir": "directory",
        "count": "replicas",
        "scale": "replicas",
        "restartPolicy": "restart",
        "PYTHONPATH": "pythonPath",
        "healthcheck": "health",
        "checks": "health",
    }

    target: Targets | UnsetType = UNSET
    replicas: Annotated[int, Meta(ge=0, le=1000)] = 1
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
    locality: Locality | UnsetType = UNSET
    weight: Annotated[float, Meta(ge=0, le=1_000_000_000)] = 1.0
    restart: Restart = Restart.ALWAYS
    backoff: Pause | UnsetType = UNSET
    directory: str = ""
    python_path: list[str] = []
    health: DeclaredChecks | UnsetType = UNSET


class RoleSpec(Spec):
    """A role that may run more than once."""

    mistaken: ClassVar[dict[str, str]] = {"count": "replicas", "instances": "replicas"}

    replicas: Few = 1


class GatewaySpec(Spec):
    """The gateway."""

    mistaken: ClassVar[dict[str, str]] = {"listen": "http", "addresses": "http", "address": "http"}

    http: list[MappedAddress] = []
    trusted_hops: Annotated[int, Meta(ge=0, le=16)] | UnsetType = UNSET


class DnsSpec(Spec):
    """Where names are answered, and how."""

    mistaken: ClassVar[dict[str, str]] = {"address": "listen"}

    listen: Address | UnsetType = UNSET
    forward: Address | UnsetType = UNSET
    ttl: Duration = Duration(0.0)


class Lines(enum.Enum):
    """How lines of a log are written."""

    TEXT = "text"
    JSON = "json"


class Level(enum.Enum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class MeshSpec(Spec):
    """The whole file."""

    mistaken: ClassVar[dict[str, str]] = {
        "name": "mesh",
        "registries": "registry",
        "stateDir": "state",
        "apps": "services",
    }

    mesh: Name | UnsetType = UNSET
    nats: Url | UnsetType = UNSET
    nats_sys: Url | UnsetType = UNSET
    state: str = ""
    otlp: Url | UnsetType = UNSET
    sampling: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    advertise: Ip | UnsetType = UNSET
    locality: Locality | UnsetType = UNSET
    access_log: str = ""
    access_log_format: Lines | UnsetType = UNSET
    log_format: Lines | UnsetType = UNSET
    log_level: Level | UnsetType = UNSET
    admin: Address | UnsetType = UNSET
    gateway: GatewaySpec | UnsetType = UNSET
    dns: DnsSpec | UnsetType = UNSET
    egress: bool | UnsetType = UNSET
    registry: RoleSpec | UnsetType = UNSET
    policy: RoleSpec | UnsetType = UNSET
    policies: list[str] = []
    services: dict[str, ServiceSpec] = {}
