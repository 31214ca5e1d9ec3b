"""Bookinfo on plait: a page about one book, put together by productpage from details, reviews and ratings."""

SERVICES = (
    "plait.examples.bookinfo.productpage:ProductPage",
    "plait.examples.bookinfo.details:Details",
    "plait.examples.bookinfo.reviews:ReviewsV1",
    "plait.examples.bookinfo.reviews:ReviewsV2",
    "plait.examples.bookinfo.reviews:ReviewsV3",
    "plait.examples.bookinfo.ratings:Ratings",
)
"""The instances that make the application, each as `plait node` takes it: `module:Class`."""
