"""The busy share of a loop: by processor time, by lateness, smoothed, and cheap to ask often."""

import pytest

from plait.actors.loop.busy import BusyShare


class Machine:
    def __init__(self):
        self.now, self.spent, self.asked = 100.0, 7.0, 0
        self.share = BusyShare(self.used, lambda: self.now)

    def used(self):
        self.asked += 1
        return self.spent

    def go(self, seconds, used, step=0.25):
        for _ in range(round(seconds / step)):
            self.now += step
            self.spent += used * step
            read = self.share.read()
        return read


def test_it_comes_to_the_share_of_processor_time_and_forgets_within_seconds():
    machine = Machine()
    assert machine.go(5.0, 0.6) == pytest.approx(0.6, abs=0.01)
    assert machine.go(5.0, 0.0) == pytest.approx(0.0, abs=0.01)


def test_a_loop_that_was_late_was_busy_though_it_used_no_processor():
    machine = Machine()
    for _ in range(20):
        machine.now += 0.25
        machine.share.late(0.2)
        read = machine.share.read()
    assert read == pytest.approx(0.8, abs=0.01)


def test_it_is_never_more_than_one_nor_less_than_none():
    machine = Machine()
    assert machine.go(20.0, 3.0) <= 1.0
    machine.spent = 0.0  # a thread's clock that begins anew
    machine.now += 1.0
    assert 0.0 <= machine.share.read() <= 1.0


def test_within_a_tenth_of_a_second_nobody_asks_the_system():
    machine = Machine()
    machine.go(1.0, 0.5)
    before, read = machine.asked, machine.share.read()
    machine.now += 0.09
    assert machine.share.read() == read
    assert machine.asked == before
