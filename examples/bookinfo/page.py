"""Bookinfo's HTML: pure functions from messages to bytes.

Whatever came over the wire is escaped; all else is a constant, joined once when the module loads.
"""

from html import escape

from msgspec import UNSET

from .messages import BookDetails, BookReviews, Product, Rating

TITLE = "Simple Bookstore App"
MOST_STARS = 5

_OPEN = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f'<title>{TITLE}</title>\n<link rel="stylesheet" href="/static/bookinfo.css">\n</head>\n<body>\n'
)
_SIGN_IN = (
    '<header class="bar"><strong>Bookinfo</strong>\n<form method="post" action="/login">'
    '<input name="username" placeholder="User name" aria-label="User name" autocomplete="username" maxlength="64">'
    '<input name="passwd" type="password" placeholder="Password" aria-label="Password" autocomplete="off">'
    '<button type="submit">Sign in</button></form></header>\n<main>\n'
)
_STALE = '<p class="stale">Stars as last known; ratings does not answer now.</p>'
_CLOSE = "</main>\n</body>\n</html>\n"

_NO_DETAILS = (
    '<h2>Error fetching product details!</h2>\n<p class="trouble">'
    "Sorry, product details are currently unavailable for this book.</p>\n"
)
_NO_REVIEWS = (
    '<h2>Error fetching product reviews!</h2>\n<p class="trouble">'
    "Sorry, product reviews are currently unavailable for this book.</p>\n"
)


def _star_line(color: str, count: int) -> str:
    return (
        f'<p class="stars {color}" role="img" aria-label="{count} of {MOST_STARS}">'
        f"{'★' * count}{'☆' * (MOST_STARS - count)}</p>"
    )


_STAR_LINES = {
    (color, count): _star_line(color, count) for color in ("black", "red") for count in range(MOST_STARS + 1)
}


def _header(user: str) -> str:
    if not user:
        return _SIGN_IN
    return (
        f'<header class="bar"><strong>Bookinfo</strong>\n<span>Signed in as <b>{escape(user)}</b> '
        '(<a href="/logout">Sign out</a>)</span></header>\n<main>\n'
    )


def _rating(rating: Rating) -> str:
    if rating.stars is UNSET:
        return f'<p class="trouble">{escape(rating.error)}</p>' if rating.error is not UNSET else ""
    count = min(max(rating.stars, 0), MOST_STARS)
    color = rating.color if rating.color is not UNSET else "black"
    # A colour that the stylesheet does not know is some other version's wish; it may not become markup.
    line = _STAR_LINES.get((color, count)) or _star_line(escape(color), count)
    return f"{line}{_STALE}" if rating.stale else line


def _details(details: BookDetails | None) -> str:
    if details is None:
        return _NO_DETAILS
    return (
        "<h2>Book details</h2>\n<table>"
        f"<tr><th>Author</th><td>{escape(details.author)}</td></tr>"
        f"<tr><th>Year</th><td>{details.year}</td></tr>"
        f"<tr><th>Type</th><td>{escape(details.type)}</td></tr>"
        f"<tr><th>Pages</th><td>{details.pages}</td></tr>"
        f"<tr><th>Publisher</th><td>{escape(details.publisher)}</td></tr>"
        f"<tr><th>Language</th><td>{escape(details.language)}</td></tr>"
        f"<tr><th>ISBN-10</th><td>{escape(details.isbn_10)}</td></tr>"
        f"<tr><th>ISBN-13</th><td>{escape(details.isbn_13)}</td></tr></table>\n"
    )


def _reviews(reviews: BookReviews | None) -> str:
    if reviews is None:
        return _NO_REVIEWS
    parts = ["<h2>Book reviews</h2>\n"]
    for review in reviews.reviews:
        stars = "" if review.rating is UNSET else _rating(review.rating)
        parts.append(
            f"<blockquote><p>{escape(review.text)}</p>\n<cite>{escape(review.reviewer)}</cite>\n{stars}</blockquote>\n"
        )
    place = f" in {escape(reviews.clustername)}" if reviews.clustername else ""
    parts.append(f'<p class="source">Given by the instance {escape(reviews.podname)}{place}</p>\n')
    return "".join(parts)


def product_page(product: Product, user: str, details: BookDetails | None, reviews: BookReviews | None) -> bytes:
    """The page of one book. An empty `user` is nobody; `None` for a part says that it could not be fetched."""
    return (
        f"{_OPEN}{_header(user)}<h1>{product.title}</h1>\n<p>{product.description_html}</p>\n"
        f'<div class="columns">\n<section>{_details(details)}</section>\n'
        f"<section>{_reviews(reviews)}</section>\n</div>\n{_CLOSE}"
    ).encode()


def index_page(products: tuple[Product, ...]) -> bytes:
    """The way in: the books there are, and the paths of the API."""
    rows = "".join(
        f'<tr><td>{product.id}</td><td><a href="/productpage">{product.title}</a></td>'
        f'<td><a href="/api/v1/products/{product.id}">JSON</a></td></tr>\n'
        for product in products
    )
    return (
        f'{_OPEN}<header class="bar"><strong>Bookinfo</strong></header>\n<main>\n<h1>{TITLE}</h1>\n'
        f"<table><tr><th>Id</th><th>Book</th><th>API</th></tr>\n{rows}</table>\n{_CLOSE}"
    ).encode()
