"""Ratings that fail the first attempt of each call, so that a retry is to be seen."""

from plait.actors import Request, Response, Service, get


class Faltering(Service, name="ratings", version="faltering"):
    """Answers 503 to a call's first attempt and with stars to the second."""

    @get("/ratings/{product_id}")
    def ratings(self, product_id: int, request: Request) -> Response:
        """The ratings of a book."""
        if request.headers.get("x-envoy-attempt-count") == "1":
            return Response({"error": "not yet"}, status=503)
        return Response({"id": product_id, "ratings": {"Reviewer1": 5, "Reviewer2": 4}})
