"""The details service: author, publisher and numbers of a book."""

from plait.actors import Request, Response, Service, get

from .messages import BookDetails, Health, Trouble, product_number


class Details(Service, name="details", version="v1"):
    """Every book has the same details, as the example knows one book only."""

    @get("/details/{product_id}")
    def details(self, product_id: str, request: Request) -> BookDetails | Response:
        """The details of a book; 400 unless its id is a number."""
        number = product_number(product_id)
        if number is None:
            return Response(Trouble("please provide numeric product id"), status=400)
        return BookDetails(
            id=number,
            author="William Shakespeare",
            year=1595,
            type="paperback",
            pages=200,
            publisher="PublisherA",
            language="English",
            isbn_10="1234567890",
            isbn_13="123-1234567890",
        )

    @get("/health")
    def health(self, request: Request) -> Health:
        """Always healthy: it depends on nothing."""
        return Health("Details is healthy")


class DetailsV2(Details, name="details", version="v2"):
    """A second version with the same answers, for rules that tell versions apart. It asks no outside book service."""
