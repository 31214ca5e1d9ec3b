"""The `mirrorDiff` of a Resilience as users write it."""

# ruff: noqa: RUF012 (msgspec copies empty lists)

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .spec import Share, Spec


class MirrorDiff(Spec):
    """Answers are compared with those to copies of the same requests."""

    mistaken: ClassVar[dict[str, str]] = {"percentage": "percent", "ignorePaths": "ignore", "maxBytes": "maxBodyBytes"}

    percent: Share | UnsetType = UNSET
    ignore: list[str] = []
    max_body_bytes: Annotated[int, Meta(ge=1, le=1_048_576)] | UnsetType = UNSET
