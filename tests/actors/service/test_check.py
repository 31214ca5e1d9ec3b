"""What a service may declare about its health, and what is refused where it is written."""

import msgspec
import pytest

from plait.actors import ExecCheck, Health, HttpCheck, Service, TcpCheck, check
from plait.actors.service.check import MethodCheck
from plait.actors.service.health import Level


class Stock(Service, name="stock", checks=[TcpCheck("127.0.0.1:5432", interval=30.0), HttpCheck("/health")]):
    @check
    async def database(self):
        """Looked at with the defaults."""

    @check(interval=60.0, failures=5)
    def disk(self):
        return True


class Silent(Stock, name="silent", checks=[]):
    def disk(self):
        """Another method of that name, which is no check."""


def test_a_class_has_the_checks_of_its_methods_and_those_that_it_names():
    assert Stock.examined == (
        MethodCheck("database"),
        MethodCheck("disk", interval=60.0, failures=5),
        TcpCheck("127.0.0.1:5432", interval=30.0),
        HttpCheck("/health"),
    )
    assert [one.title for one in Stock.examined] == ["database", "disk", "127.0.0.1:5432", "/health"]
    assert ExecCheck(["pg_isready", "-h", "db"]).title == "pg_isready -h db"
    assert TcpCheck("[::1]:80", name="front").title == "front"


def test_a_subclass_has_its_bases_checks_but_for_those_that_it_replaces():
    assert Silent.examined == (MethodCheck("database"),)


def test_the_defaults_are_five_seconds_half_a_second_three_failures_and_one_success():
    one = MethodCheck("database")
    assert (one.interval, one.timeout, one.failures, one.successes, one.delay) == (5.0, 0.5, 3, 1, 0.0)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (HttpCheck, "ftp://host/"),
        (HttpCheck, "health"),
        (HttpCheck, "//host/health"),
        (HttpCheck, "http://"),
        (HttpCheck, "http://host:99999/"),
        (HttpCheck, "http://user:secret@host/"),
        (HttpCheck, "/a b"),
        (HttpCheck, "/a\r\nx: y"),
        (HttpCheck, "/ä"),
        (TcpCheck, "host"),
        (TcpCheck, "host:0"),
        (TcpCheck, ":80"),
        (TcpCheck, "::1:80"),
        (TcpCheck, "host:http"),
        (ExecCheck, ()),
        (ExecCheck, ("",)),
        (ExecCheck, "pg_isready -h db"),
        (ExecCheck, ("a\0b",)),
    ],
)
def test_what_cannot_be_looked_at_is_refused_where_it_is_written(kind, target):
    with pytest.raises(ValueError, match=r" as |no shell"):
        kind(target)


@pytest.mark.parametrize(
    "how",
    [
        {"interval": 0.0},
        {"interval": -1.0},
        {"interval": float("nan")},
        {"timeout": 0.0},
        {"timeout": float("inf")},
        {"delay": -0.1},
        {"failures": 0},
        {"successes": 1001},
    ],
)
def test_numbers_out_of_bounds_are_named(how):
    with pytest.raises(ValueError, match=next(iter(how))):
        check(**how)(lambda self: None)


def test_a_check_takes_nothing_but_self():
    with pytest.raises(ValueError, match="takes nothing but self"):

        @check
        def database(self, request):
            pass


def test_what_is_declared_has_to_be_a_check():
    with pytest.raises(ValueError, match="no HttpCheck, TcpCheck or ExecCheck"):
        type("Odd", (Service,), {}, name="odd", checks=["/health"])


@pytest.mark.parametrize(
    ("answer", "level", "text"),
    [
        (None, "PASSING", ""),
        (True, "PASSING", ""),
        (False, "CRITICAL", "it returned False"),
        ("fine", "CRITICAL", "it returned str, not None, True, False or Health"),
        (1, "CRITICAL", "it returned int, not None, True, False or Health"),
        (Health.warning("slow"), "WARNING", "slow"),
        (Health.warning(""), "WARNING", "a warning without a word"),
        (Health.critical("down"), "CRITICAL", "down"),
    ],
)
def test_what_a_method_answers_is_read_plainly(answer, level, text):
    assert Health.of_answer(answer) == Health(Level[level], text)


@pytest.mark.parametrize(
    ("status", "level"), [(200, "PASSING"), (204, "PASSING"), (429, "WARNING"), (301, "CRITICAL"), (503, "CRITICAL")]
)
def test_statuses_mean_what_they_mean_to_consul(status, level):
    assert Health.of_status(status, "").level is Level[level]


def test_unknown_fields_are_refused_where_a_check_is_read_from_a_file():
    with pytest.raises(msgspec.ValidationError, match="intervall"):
        msgspec.convert({"tcp": "host:1", "intervall": 3}, TcpCheck)
