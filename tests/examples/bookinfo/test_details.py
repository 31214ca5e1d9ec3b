"""The details service: its one book, and ids that are none."""

import msgspec
import pytest

from plait.examples.bookinfo.details import Details, DetailsV2

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", [Details, DetailsV2])
async def test_details_are_those_of_the_book(stage, kind):
    response = await (await stage(kind)).ask("/details/7")
    assert response.status == 200
    assert msgspec.json.decode(response.body) == {
        "id": 7,
        "author": "William Shakespeare",
        "year": 1595,
        "type": "paperback",
        "pages": 200,
        "publisher": "PublisherA",
        "language": "English",
        "ISBN-10": "1234567890",
        "ISBN-13": "123-1234567890",
    }


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "1%20", "%C2%B2", "9" * 19])
async def test_an_id_that_is_no_number_is_refused_with_a_sentence(stage, bad):
    response = await (await stage(Details)).ask(f"/details/{bad}")
    assert response.status == 400
    assert msgspec.json.decode(response.body) == {"error": "please provide numeric product id"}


async def test_details_says_that_it_is_healthy(stage):
    response = await (await stage(Details)).ask("/health")
    assert (response.status, msgspec.json.decode(response.body)) == (200, {"status": "Details is healthy"})
