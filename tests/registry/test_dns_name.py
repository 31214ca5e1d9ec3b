"""Every form of a name is read as what it asks for, in whatever case, and nothing else is."""

import pytest

from plait.registry.dns_name import NodeName, Part, ServiceName, fold, read


def labels(text):
    return [*(label.encode() for label in text.split(".") if label), b""]


def one(service, tag=""):
    return (ServiceName(service, tag),)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("reviews.service.plait.", one("reviews")),
        ("ReViews.SERVICE.Plait.", one("reviews")),
        ("v2.reviews.service.plait.", (ServiceName("reviews", "v2"), ServiceName("v2_reviews", ""))),
        ("reviews.default.service.plait.", (ServiceName("default", "reviews"), ServiceName("reviews", ""))),
        ("v2.reviews.shop.service.plait.", (ServiceName("shop", "v2.reviews"), ServiceName("reviews_shop", "v2"))),
        ("v1.2.reviews.service.plait.", (ServiceName("reviews", "v1.2"), ServiceName("2_reviews", "v1"))),
        ("_reviews._http.service.plait.", one("reviews")),
        ("_reviews._TCP.service.plait.", one("reviews")),
        ("_reviews._v2.service.plait.", one("reviews", "v2")),
        ("_reviews._http.shop.service.plait.", one("reviews_shop")),
        ("n1.node.plait.", NodeName("n1")),
        ("plait.", Part.APEX),
        ("service.plait.", Part.BRANCH),
        ("node.plait.", Part.BRANCH),
        ("_http.service.plait.", Part.BRANCH),
        ("_http.shop.service.plait.", Part.BRANCH),
        ("x.plait.", Part.NOWHERE),
        ("a.n1.node.plait.", Part.NOWHERE),
        ("_reviews._http.a.b.service.plait.", Part.NOWHERE),
        ("_._http.service.plait.", Part.NOWHERE),
        ("_reviews._.service.plait.", Part.NOWHERE),
        ("plait.org.", Part.OUTSIDE),
        ("service.plait.example.", Part.OUTSIDE),
        (".", Part.OUTSIDE),
    ],
)
def test_a_name_asks_for(text, asked):
    assert read(labels(text)) == asked


@pytest.mark.parametrize("name", ["reviews_shop", "a.reviews_shop", "reviews_.shop", "_reviews_shop._http"])
def test_an_underscore_does_not_lead_into_another_namespace(name):
    asked = read(labels(f"{name}.service.plait."))
    assert asked is Part.NOWHERE or all("reviews_shop" not in reading.service for reading in asked)


def test_only_ascii_letters_have_two_cases():
    assert fold("Canary-Ä") == read(labels("CANARY-Ä.x.service.plait."))[0].tag
    assert fold("Ä") != read(labels("ä.x.service.plait."))[0].tag
    assert read(["\N{KELVIN SIGN}".encode(), b"service", b"plait", b""]) != one("k")
