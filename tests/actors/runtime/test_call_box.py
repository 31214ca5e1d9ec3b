"""The mailbox of those who are called: bursts pass, a standing queue is cut, the lowest class first."""

import heapq
import random
from collections import deque

import msgspec
import pytest

from plait.actors.messages.error import Overloaded
from plait.actors.messages.priority import Priority
from plait.actors.runtime.call_box import CallBox
from plait.actors.runtime.mailbox import Mail
from plait.actors.runtime.queue_time import FEWEST, INTERVAL, TARGET, TURNS, QueueTime

CRITICAL, DEFAULT, LOW = Priority.CRITICAL, Priority.DEFAULT, Priority.SHEDDABLE


class Ask(Mail, kw_only=True, eq=False):
    """A call that keeps what it was refused with."""

    level: Priority = DEFAULT
    refusals: list = msgspec.field(default_factory=list)

    @property
    def urgency(self):
        return self.level

    def fail(self, error):
        self.refusals.append(error)


class Control:
    control = True


def ask(name, level=DEFAULT):
    return Ask(name, level=level)


def standing(*mails, workers=1, capacity=100):
    """A box whose queue stands at 1.0: one message was taken each 10 ms; `mails` came at 0.995."""
    box = CallBox(capacity, workers)
    box.offer(ask("first", CRITICAL), 0.0)
    for turn in range(1, 100):
        box.offer(ask(turn, CRITICAL), 0.01 * turn)
        box.take(0.01 * turn)
    for mail in mails:
        box.offer(mail, 0.995)
    box.take(0.9951)  # the last of those before
    assert box.waiting == len(mails)
    return box


def taken(box, now):
    found = []
    while (mail := box.take(now)) is not None:
        found.append(mail.message)
    return found


def test_a_queue_stands_when_it_was_not_empty_for_a_while_and_its_workers_have_taken_their_turns():
    queue = QueueTime(workers=10)
    queue.begin(5.0)
    queue.taken = 10 * TURNS
    assert queue.allowance(5.0 + INTERVAL / 2) is None
    assert queue.allowance(5.0 + 4 * INTERVAL) == pytest.approx(4 * INTERVAL / TURNS)  # as long as the work takes
    queue.taken = 10_000
    assert queue.allowance(5.0 + 2 * INTERVAL) == TARGET
    queue.taken = 10 * TURNS - 1
    assert queue.allowance(9.0) is None
    queue.begin(9.0)
    assert queue.allowance(9.05) is None


def test_a_burst_on_a_slow_actor_is_worked_off():
    box, now = CallBox(100, 1), 0.0
    mails = [ask(number) for number in range(FEWEST)]
    for mail in mails:
        box.offer(mail, now)
    for number in range(FEWEST):
        now += 0.3
        assert box.take(now).message == number
    assert box.shed == [0, 0, 0]


def test_in_a_standing_queue_what_waited_longer_than_the_work_takes_is_refused():
    old = [ask("a"), ask("b")]
    box = standing(*old)
    box.offer(ask("c"), 1.004)
    assert not old[0].refusals
    box.offer(ask("d"), 1.008)  # whoever comes finds them out: they hear at once, not when a worker becomes free
    assert [type(one.refusals[0]) for one in old] == [Overloaded, Overloaded]
    assert taken(box, 1.01) == ["c", "d"]


def test_a_queue_that_was_cut_a_moment_ago_stands_again_at_once():
    box = standing(ask("a"), ask("b"))
    assert taken(box, 1.1) == ["b"]
    box.offer(again := ask("c"), 1.12)
    box.offer(ask("d"), 1.13)
    assert taken(box, 1.2) == ["d"]
    assert again.refusals
    box.offer(later := ask("e"), 2.0)
    box.offer(ask("f"), 2.0)
    assert taken(box, 2.2) == ["e", "f"]
    assert not later.refusals


def test_the_last_one_that_waits_is_worked_on_however_old_it_is():
    mails = [ask("a"), ask("b")]
    box = standing(*mails)
    assert taken(box, 1.5) == ["b"]
    assert type(mails[0].refusals[0]) is Overloaded
    assert "not worked on" in str(mails[0].refusals[0])
    assert box.shed == [0, 1, 0]


def test_the_more_urgent_come_first():
    box = CallBox(100, 1)
    for name, level in (("l", LOW), ("d", DEFAULT), ("c", CRITICAL), ("C", CRITICAL)):
        box.offer(ask(name, level), 0.0)
    box.offer(Mail(control := Control()), 0.0)
    assert taken(box, 0.01) == [control, "c", "C", "d", "l"]


def test_critical_calls_are_refused_for_their_age_only_where_nothing_less_urgent_waits():
    critical, low = ask("c", CRITICAL), ask("l", LOW)
    box = standing(critical, low, ask("d"))
    assert taken(box, 1.2) == ["c"]
    assert low.refusals
    assert not critical.refusals
    alone = ask("a", CRITICAL)
    assert taken(standing(alone, ask("b", CRITICAL)), 1.2) == ["b"]
    assert alone.refusals


def test_a_full_box_gives_up_the_newest_of_the_lowest_class_for_a_more_urgent_call():
    box = CallBox(3, 1)
    low, later, plain = ask("l", LOW), ask("m", LOW), ask("d")
    for mail in (low, later, plain):
        assert box.offer(mail, 0.0).taken
    assert not box.offer(ask("n", LOW), 0.0).taken
    assert box.offer(ask("e"), 0.0).taken
    assert later.refusals
    assert box.offer(ask("c", CRITICAL), 0.0).taken
    assert low.refusals
    assert not box.offer(ask("f"), 0.0).taken
    assert box.offer(ask("k", CRITICAL), 0.0).taken
    assert (len(box), box.refused, box.shed) == (3, 2, [0, 2, 3])
    assert taken(box, 0.0) == ["c", "k", "d"]


def test_what_is_no_call_is_never_refused_for_its_age_nor_for_room():
    own = [Mail("own"), Mail("mine")]
    box = standing(*own)
    assert taken(box, 9.0) == ["own", "mine"]
    box = CallBox(1, 1)
    box.offer(Mail("own"), 0.0)
    assert not box.offer(ask("c", CRITICAL), 0.0).taken
    assert box.offer(Mail(Control()), 0.0).taken


def test_what_was_put_aside_comes_back_in_front():
    box = CallBox(10, 1)
    box.offer(ask("b"), 0.0)
    box.put_back(deque([ask("a")]))
    assert taken(box, 0.0) == ["a", "b"]


def play(rate, seconds, workers, work, rng):
    """Poisson calls on workers that each take `work`; returns latencies of those that were worked on, by arrival."""
    box, free, ends, latencies, now = CallBox(1000, workers), workers, [], [], 0.0
    coming = rng.expovariate(rate)
    while now < seconds:
        now = min(coming, ends[0]) if ends else coming
        if ends and ends[0] == now:
            heapq.heappop(ends)
            free += 1
        else:
            coming = now + rng.expovariate(rate)
            box.offer(ask(now), now)
        while free and (mail := box.take(now)) is not None:
            free -= 1
            done = now + work * rng.uniform(0.8, 1.2)
            heapq.heappush(ends, done)
            latencies.append((mail.message, done - mail.message))
    return box, latencies


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("workers", "work"), [(1, 0.02), (4, 0.02), (64, 0.1), (8, 0.004)])
def test_at_three_times_the_capacity_workers_stay_busy_and_nobody_waits_for_long(workers, work, seed):
    capacity = workers / work
    box, latencies = play(3 * capacity, 20.0, workers, work, random.Random(seed))
    steady = sorted(took for when, took in latencies if when > 2.0)
    assert len(latencies) >= 0.97 * capacity * 20.0
    assert steady[int(len(steady) * 0.99)] <= 2 * 1.2 * work + TARGET
    assert box.shed[DEFAULT] > capacity * 20


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("workers", "work"), [(1, 0.02), (8, 0.2)])
def test_light_load_is_not_touched(workers, work, seed):
    box, _ = play(0.4 * workers / work, 60.0, workers, work, random.Random(seed))
    assert box.shed == [0, 0, 0]
