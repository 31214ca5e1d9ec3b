"""The page: what it shows of good and bad answers, and that nothing from the wire becomes markup."""

from html import escape

import pytest

from plait.examples.bookinfo.messages import BookDetails, BookReviews, Product, Rating, Review
from plait.examples.bookinfo.page import index_page, product_page

PRODUCT = Product(0, "The Comedy of Errors", "A farce.")
DETAILS = BookDetails(0, "William Shakespeare", 1595, "paperback", 200, "PublisherA", "English", "1234567890", "123-1")


def shown(*ratings: Rating, user: str = "", details: BookDetails | None = DETAILS) -> str:
    reviews = [Review(f"Reviewer{number}", "Fun.", rating) for number, rating in enumerate(ratings, 1)]
    return product_page(PRODUCT, user, details, BookReviews("0", "reviews-a1", "eu/a", reviews)).decode()


def test_the_page_has_title_book_details_and_the_instance_that_gave_the_reviews():
    page = shown(Rating(5, "black"))
    assert "<title>Simple Bookstore App</title>" in page
    assert "<h1>The Comedy of Errors</h1>" in page
    for fact in ("William Shakespeare", "1595", "paperback", "200", "PublisherA", "English", "1234567890", "123-1"):
        assert f"<td>{fact}</td>" in page
    assert "reviews-a1 in eu/a" in page


@pytest.mark.parametrize("color", ["black", "red"])
def test_stars_are_as_many_as_the_rating_and_of_its_color(color):
    page = shown(Rating(5, color), Rating(4, color))
    assert page.count("★") == 9
    assert page.count("☆") == 1
    assert page.count(f'class="stars {color}"') == 2


def test_reviews_without_ratings_show_neither_stars_nor_colors():
    reviews = BookReviews("0", "reviews-a1", "", [Review("Reviewer1", "Fun.")])
    page = product_page(PRODUCT, "", DETAILS, reviews).decode()
    assert "Reviewer1" in page
    for trace in ("★", "☆", "black", "red", "stars"):
        assert trace not in page


def test_a_failed_rating_shows_its_sentence_in_place_of_stars():
    page = shown(Rating(error="Ratings service is currently unavailable"))
    assert "Ratings service is currently unavailable" in page
    assert "★" not in page


def test_missing_details_and_reviews_say_so_and_leave_the_rest_alone():
    page = product_page(PRODUCT, "", None, None).decode()
    assert "Error fetching product details!" in page
    assert "Sorry, product details are currently unavailable for this book." in page
    assert "Error fetching product reviews!" in page
    assert "Sorry, product reviews are currently unavailable for this book." in page
    assert "The Comedy of Errors" in page
    assert "Error fetching" not in shown(Rating(5, "red"))


def test_nobody_is_asked_to_sign_in_and_a_user_may_sign_out():
    assert "Sign in" in shown()
    page = shown(user="jason")
    assert "<b>jason</b>" in page
    assert 'href="/logout"' in page
    assert "Sign in" not in page


@pytest.mark.parametrize("evil", ["<script>x</script>", '"><img src=x>', "<u>"])
def test_nothing_from_the_wire_becomes_markup(evil):
    details = BookDetails(0, evil, 1, evil, 1, evil, evil, evil, evil)
    reviews = [Review(evil, evil, Rating(3, evil)), Review(evil, evil, Rating(error=evil))]
    page = product_page(PRODUCT, evil, details, BookReviews("0", evil, evil, reviews)).decode()
    assert evil not in page
    assert page.count(escape(evil)) == 15


@pytest.mark.parametrize(("stars", "full"), [(-3, 0), (0, 0), (5, 5), (10**9, 5)])
def test_star_lines_stay_within_five(stars, full):
    page = shown(Rating(stars, "red"))
    assert (page.count("★"), page.count("☆")) == (full, 5 - full)


def test_the_index_lists_the_books():
    page = index_page((PRODUCT,)).decode()
    assert "<title>Simple Bookstore App</title>" in page
    assert '<a href="/productpage">The Comedy of Errors</a>' in page
