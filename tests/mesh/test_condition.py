"""Looks add up by thresholds: no single bad look takes a well instance out, none that starts comes in unseen."""

import pytest

from plait.actors.messages.health import LONGEST_REASON
from plait.actors.service.check import MethodCheck, TcpCheck
from plait.actors.service.health import Health
from plait.mesh.condition import Condition

LOOKS = {"+": Health.passing("fine"), "!": Health.warning("slow"), "-": Health.critical("refused")}


def course(looks, **how):
    """The health after each look of one check."""
    condition = Condition([MethodCheck("db", **how)])
    said = []
    for look in looks:
        condition.standings[0].note(LOOKS[look])
        said.append(condition.health)
    return said


@pytest.mark.parametrize(
    ("looks", "how", "said"),
    [
        ("+", {}, "healthy"),
        ("--+", {}, "starting starting healthy"),
        ("!", {}, "warning"),
        ("-------", {"failures": 1}, "starting " * 7),
        ("++-+", {"successes": 2}, "starting healthy healthy healthy"),
        ("+-+", {"successes": 2}, "starting starting starting"),
        ("+---", {}, "healthy healthy healthy critical"),
        ("+--+--+---", {}, "healthy " * 9 + "critical"),
        ("+-", {"failures": 1}, "healthy critical"),
        ("+---+", {}, "healthy healthy healthy critical healthy"),
        ("+--!--", {}, "healthy healthy healthy warning warning warning"),
        ("+---!", {}, "healthy healthy healthy critical warning"),
        ("+++-++-+++", {"failures": 1, "successes": 3}, "starting starting healthy" + " critical" * 6 + " healthy"),
        ("!+!", {}, "warning healthy warning"),
    ],
)
def test_health_changes_by_its_thresholds(looks, how, said):
    assert course(looks, **how) == said.split()


def test_an_instance_without_checks_is_healthy_from_the_start():
    assert (Condition([]).health, Condition([]).reason) == ("healthy", "")


def test_the_worst_check_speaks_for_all_and_says_its_name():
    condition = Condition([MethodCheck("db"), TcpCheck("127.0.0.1:9", failures=1), MethodCheck("disk")])
    assert (condition.health, condition.reason) == (
        "starting",
        "db: not looked at yet; 127.0.0.1:9: not looked at yet; disk: not looked at yet",
    )
    db, tcp, disk = condition.standings
    db.note(Health.critical("refused"))
    assert condition.reason == "db: refused"
    for standing in (db, tcp):
        standing.note(Health.passing())
    disk.note(Health.warning("91 % full"))
    assert (condition.health, condition.reason) == ("warning", "disk: 91 % full")
    tcp.note(Health.critical("refused"))
    assert (condition.health, condition.reason) == ("critical", "127.0.0.1:9: refused")
    tcp.note(Health.passing())
    disk.note(Health.passing("fine"))
    assert (condition.health, condition.reason) == ("healthy", "")


def test_a_reason_says_what_the_last_failure_said_on_one_line_of_bounded_length():
    condition = Condition([MethodCheck("db", failures=1)])
    for look in (Health.passing(), Health.critical("first"), Health.critical("two\nlines\x1b[31m  of " + "x" * 999)):
        condition.standings[0].note(look)
    assert condition.reason.startswith("db: two lines [31m of xxx")
    assert (len(condition.reason), condition.reason[-1]) == (LONGEST_REASON, "…")
