"""The policy files: they are Istio's kinds, name what they must, and lie where the loader looks."""

import importlib
from pathlib import Path

import pytest
import yaml

from plait.actors import Service
from plait.examples import bookinfo
from plait.examples.bookinfo import policies, scenarios

FILES = [path for one in (scenarios, policies) for path in sorted(Path(one.__file__).parent.glob("*.yaml"))]


def documents(path: Path):
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_the_first_policy_opens_the_gateway_and_names_the_versions():
    found = list(yaml.safe_load_all(policies.first_policy()))
    assert [(document["kind"], document["metadata"]["name"]) for document in found] == [
        ("Gateway", "bookinfo-gateway"),
        ("VirtualService", "bookinfo"),
        *[("DestinationRule", name) for name in ("productpage", "details", "reviews", "ratings")],
    ]
    gateway, routes = found[0]["spec"], found[1]["spec"]
    assert gateway["selector"] == {"istio": "ingressgateway"}
    assert [(server["port"]["number"], server["hosts"]) for server in gateway["servers"]] == [(8080, ["*"])]
    assert routes["gateways"] == ["bookinfo-gateway"]
    assert [match["uri"] for match in routes["http"][0]["match"]] == [
        {"exact": "/productpage"},
        {"exact": "/login"},
        {"exact": "/logout"},
        {"prefix": "/static"},
        {"prefix": "/api/v1/products"},
    ]
    assert routes["http"][0]["route"] == [{"destination": {"host": "productpage", "port": {"number": 9080}}}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_route_names_a_service_and_a_subset_that_exist(path):
    rules = [
        document for document in yaml.safe_load_all(policies.first_policy()) if document["kind"] == "DestinationRule"
    ]
    subsets = {rule["spec"]["host"]: {subset["name"] for subset in rule["spec"]["subsets"]} for rule in rules}
    found = documents(path)
    assert found
    for document in found:
        assert document["apiVersion"] == (
            "plait.dev/v1" if document["kind"] == "Resilience" else "networking.istio.io/v1"
        )
        for http in document["spec"].get("http", []):
            for route in http["route"]:
                destination = route["destination"]
                assert destination["host"] in subsets
                assert destination.get("subset", "v1") in subsets[destination["host"]]


def test_there_is_a_file_for_each_thing_to_try():
    assert [path.stem for path in FILES] == [
        "all-v1",
        "ratings-abort-jason",
        "ratings-delay-jason",
        "ratings-fallback",
        "ratings-slow",
        "reviews-90-10",
        "reviews-jason-v2",
        "reviews-mirror-diff",
        "reviews-mirror-v3",
        "reviews-timeout",
        "destination-rules",
        "gateway",
    ]


def test_the_services_of_the_application_can_be_loaded_by_their_names():
    names = []
    for target in bookinfo.SERVICES:
        module, _, name = target.partition(":")
        kind = getattr(importlib.import_module(module), name)
        assert issubclass(kind, Service)
        names.append((kind.name, kind.version))
    reviews = [("reviews", f"v{number}") for number in (1, 2, 3)]
    assert sorted(names) == sorted([("productpage", "v1"), ("details", "v1"), ("ratings", "v1"), *reviews])
