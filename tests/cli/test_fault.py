"""`plait fault`: what people read of a fault's document, whatever is left out of it."""

import time

import pytest

from plait.cli.fault import left_of, name_of, seconds_left, what_of


def fault(spec, namespace=""):
    return {"metadata": {"name": "one", "namespace": namespace} if namespace else {"name": "one"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"drop": True}, "drop"),
        ({"drop": True, "percentage": {"value": 12.5}}, "drop, 12.5 %"),
        ({"drop": True, "percentage": {}}, "drop"),
        ({"drop": True, "percentage": None}, "drop"),
        ({"delay": {"fixedDelay": "2s"}, "abort": {"httpStatus": 503}}, "delay 2s, abort 503"),
        ({"partition": True, "subset": "v1", "instance": "a-1"}, "partition, subset v1, instance a-1"),
        ({}, ""),
        (None, ""),
    ],
)
def test_what_a_fault_does_is_told_in_words(spec, told):
    assert what_of(fault(spec)) == told


def test_names_outside_the_default_namespace_are_told_with_it():
    assert (name_of(fault({})), name_of(fault({}, "shop")), name_of({})) == ("one", "shop/one", "")


@pytest.mark.parametrize("expires", ["2001-01-01T00:00:00Z", "soon", None, "2001-01-01"])
def test_a_fault_whose_end_has_passed_or_is_none_is_over(expires):
    assert left_of(fault({"expires": expires})) == "over"


def test_a_fault_with_an_end_to_come_lasts():
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    assert 3500 < seconds_left(fault({"expires": end})) <= 3600
