"""Fault of `plait.dev/v1` as users write it: a fault of attempts or messages, with an owner, a reason and an end."""

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .istio_virtual_service import Percent
from .scalar import PositiveDuration, Scalar
from .spec import Spec


class Moment(float, Scalar):
    """A point in time in RFC 3339's form, as seconds since 1970."""

    @classmethod
    def parse(cls, value: object) -> "Moment":
        """Return the seconds.

        Raises:
            ValueError: it is no such time, or has no time zone.
        """
        text = value if isinstance(value, str) else value.isoformat() if isinstance(value, datetime) else ""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{str(value)[:64]!r} is no time", 'such as "2026-11-24T21:00:00Z"') from None
        if moment.tzinfo is None:
            whole = text if len(text) > len("2026-11-24") else f"{text}T00:00:00"
            raise ValueError(f"{text} has no time zone", f'write "{whole}Z" for UTC')
        return cls(moment.timestamp())


class Abort(Spec):
    """An answer given on purpose."""

    mistaken: ClassVar[dict[str, str]] = {"status": "httpStatus", "code": "httpStatus"}

    http_status: Annotated[int, Meta(ge=200, le=599)] | UnsetType = UNSET


class Delay(Spec):
    """A delay put in on purpose."""

    fixed_delay: PositiveDuration | UnsetType = UNSET


class Source(Spec):
    """Whose calls."""

    mistaken: ClassVar[dict[str, str]] = {"service": "host", "name": "host"}

    host: str = ""


class Fault(Spec):
    """The spec of a Fault."""

    mistaken: ClassVar[dict[str, str]] = {"from": "source", "until": "expires", "service": "host"}

    host: str = ""
    subset: str = ""
    instance: str = ""
    source: Source | UnsetType = UNSET
    percentage: Percent | UnsetType = UNSET
    delay: Delay | UnsetType = UNSET
    abort: Abort | UnsetType = UNSET
    drop: bool = False
    duplicate: bool = False
    partition: bool = False
    owner: Annotated[str, Meta(max_length=200)] = ""
    reason: Annotated[str, Meta(max_length=200)] = ""
    expires: Moment | UnsetType = UNSET
