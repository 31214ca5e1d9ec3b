"""How busy instances are, as their heartbeats say: kept while fresh, of the process's own instances."""

import math
from types import SimpleNamespace

from plait.actors.messages.instance import Connection, Heartbeat, Instance
from plait.actors.messages.load import LoadReport
from plait.registry.loads import STALE, Loads

DATA, OTHER = Connection("S", 7), Connection("S", 8)


def world():
    catalog = SimpleNamespace(
        instances={"reviews.r1": Instance("r1", "reviews", "v1", {}, "", "n1", 1, DATA, Connection("S", 9))}
    )
    return catalog, Loads(catalog)


def beat(load, node="n1", data=DATA, name="r1"):
    return Heartbeat(node, 1, data, Connection(), loads=(("reviews", name, load),))


def test_the_last_word_is_kept_until_it_is_stale():
    _, loads = world()
    loads.heard(beat(LoadReport(1)), 10.0)
    loads.heard(beat(LoadReport(2)), 11.0)
    assert loads.of("reviews.r1", 11.0 + STALE).active == 2
    assert loads.of("reviews.r1", 11.1 + STALE) is None


def test_nobody_speaks_for_an_instance_of_another_process_or_one_that_is_not_there():
    _, loads = world()
    for word in (beat(LoadReport(1), node="n2"), beat(LoadReport(1), data=OTHER), beat(LoadReport(1), name="r2")):
        loads.heard(word, 10.0)
    assert loads.of("reviews.r1", 10.0) is None
    assert loads.of("reviews.r2", 10.0) is None


def test_figures_that_cannot_be_leave_the_word_before():
    _, loads = world()
    loads.heard(beat(LoadReport(1)), 10.0)
    loads.heard(beat(LoadReport(utilization=math.nan)), 11.0)
    assert loads.of("reviews.r1", 11.0).active == 1


def test_who_is_gone_is_forgotten():
    catalog, loads = world()
    loads.heard(beat(LoadReport(1)), 10.0)
    gone = catalog.instances.pop("reviews.r1")
    loads.forget()
    catalog.instances["reviews.r1"] = gone
    assert loads.of("reviews.r1", 10.0) is None
