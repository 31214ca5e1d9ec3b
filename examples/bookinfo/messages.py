"""What Bookinfo's services say to each other, as JSON on the wire."""

import msgspec
from msgspec import UNSET, UnsetType


class Product(msgspec.Struct, frozen=True, rename="camel"):
    """One book of the catalogue."""

    id: int
    title: str
    description_html: str
    """Our own markup, shown as it stands."""


class BookDetails(msgspec.Struct, frozen=True):
    """What details knows about a book."""

    id: int
    author: str
    year: int
    type: str
    pages: int
    publisher: str
    language: str
    isbn_10: str = msgspec.field(name="ISBN-10")
    isbn_13: str = msgspec.field(name="ISBN-13")


class BookRatings(msgspec.Struct, frozen=True):
    """What ratings knows about a book: stars by reviewer."""

    id: int
    ratings: dict[str, int]


class Rating(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reviewer's stars and their colour, or the sentence that says why there are none."""

    stars: int | UnsetType = UNSET
    color: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    stale: bool = False
    """The stars are the last ones that are known: ratings does not answer."""


class Review(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reviewer's opinion. Version v1 of reviews sends no rating at all."""

    reviewer: str
    text: str
    rating: Rating | UnsetType = UNSET


class BookReviews(msgspec.Struct, frozen=True):
    """What reviews knows about a book, and which instance said it."""

    id: str
    podname: str
    """The instance that answered; the name is Bookinfo's."""
    clustername: str
    """Its locality, empty where unknown."""
    reviews: list[Review]


class Health(msgspec.Struct, frozen=True):
    """A service's word about itself."""

    status: str


class Trouble(msgspec.Struct, frozen=True):
    """Why a request has no other answer."""

    error: str


def product_number(text: str) -> int | None:
    """The number in `text`, or None unless it is one to eighteen plain decimal digits (what 64 bits hold)."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None
