"""Instances are selected by their labels, in their order."""

import pytest

from plait.actors.messages.instance import Instance
from plait.actors.routing.subset import select


def instance(number, version="v1", service="reviews", **labels):
    return Instance(f"i{number}", service, version, labels, "", "node", 1)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({}, "12345"),
        ({"version": "v1"}, "15"),
        ({"version": "v2"}, "23"),
        ({"version": "v2", "zone": "a"}, "3"),
        ({"version": "v9"}, "4"),
        ({"zone": ""}, ""),
        ({"app": "reviews"}, "1234"),
        ({"app": "x"}, "5"),
    ],
)
def test_an_instance_belongs_where_it_carries_every_label(labels, found):
    known = [instance(1), instance(2, "v2"), instance(3, "v2", zone="a")]
    known += [Instance("i4", "reviews", "v1", {"version": "v9"}, "", "node", 1), instance(5, service="x_shop")]
    assert "".join(one.id[1:] for one in select(known, labels)) == found
