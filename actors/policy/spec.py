"""What every part of a document is: a struct of optional fields that knows its own common misspellings."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

Share = Annotated[float, Meta(ge=0, le=100)]
"""Percent."""
WholePercent = Annotated[int, Meta(ge=0, le=100)]
Port = Annotated[int, Meta(ge=1, le=65535)]


class Spec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A part of a document."""

    mistaken: ClassVar[dict[str, str]] = {}
    """Wrong names that people write, with the right ones."""


class StringMatch(Spec):
    """One of three comparisons."""

    exact: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    regex: str | UnsetType = UNSET
