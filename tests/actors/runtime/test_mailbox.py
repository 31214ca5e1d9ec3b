"""A mailbox keeps order, has a bound and a policy past it, lets control messages first, and mail is answered once."""

import asyncio
from collections import deque

import pytest

from plait.actors.runtime.mailbox import Mail, Mailbox
from plait.actors.runtime.spec import Overflow

pytestmark = pytest.mark.anyio


class Control:
    control = True


def fill(box, *messages):
    return [box.offer(Mail(message), 0.0) for message in messages]


def drain(box):
    taken = []
    while (mail := box.take(0.0)) is not None:
        taken.append(mail.message)
    return taken


def test_mail_is_taken_in_the_order_in_which_it_came():
    box = Mailbox(10)
    assert all(offer.taken for offer in fill(box, *range(5)))
    assert drain(box) == list(range(5))


def test_a_full_mailbox_refuses_and_counts_and_keeps_what_it_has():
    box = Mailbox(2)
    assert [offer.taken for offer in fill(box, *range(5))] == [True, True, False, False, False]
    assert (len(box), box.refused, box.dropped) == (2, 3, 0)
    assert drain(box) == [0, 1]


def test_drop_oldest_gives_up_the_mail_that_waited_longest():
    box = Mailbox(2, Overflow.DROP_OLDEST)
    offers = fill(box, *range(4))
    assert [offer.dropped and offer.dropped.message for offer in offers] == [None, None, 0, 1]
    assert (box.dropped, box.refused) == (2, 0)
    assert drain(box) == [2, 3]


def test_drop_newest_gives_up_the_mail_that_came():
    box = Mailbox(2, Overflow.DROP_NEWEST)
    offers = fill(box, *range(4))
    assert [offer.dropped and offer.dropped.message for offer in offers] == [None, None, 2, 3]
    assert box.dropped == 2
    assert drain(box) == [0, 1]


@pytest.mark.parametrize("overflow", list(Overflow))
def test_a_mailbox_of_no_room_takes_nothing(overflow):
    box = Mailbox(0, overflow)
    (offer,) = fill(box, 1)
    assert not offer.taken or offer.dropped.message == 1
    assert len(box) == 0


def test_control_messages_are_taken_first_and_have_room_of_their_own():
    box = Mailbox(2)
    first, second, third = Control(), Control(), Control()
    assert [offer.taken for offer in fill(box, 1, first, 2, 3, second, third)] == [True, True, True, False, True, False]
    assert drain(box) == [first, second, 1, 2]


def test_the_time_that_mail_waits_is_measured():
    box = Mailbox(10)
    box.offer(Mail(1), 10.0)
    box.offer(Mail(2), 11.0)
    box.take(12.0)
    box.take(15.0)
    assert (box.handled, box.waited, box.longest) == (2, 6.0, 4.0)


def test_mail_that_is_put_back_stands_in_front_in_its_order():
    box = Mailbox(3)
    fill(box, 3, 4, 5)
    box.put_back(deque([Mail(1), Mail(2)]))
    assert drain(box) == [1, 2, 3, 4, 5]


async def test_mail_is_answered_once():
    reply = asyncio.get_running_loop().create_future()
    mail = Mail("question", reply)
    mail.answer(1)
    mail.answer(2)
    mail.fail(ValueError())
    assert await reply == 1


async def test_mail_whose_asker_left_takes_an_answer_without_harm():
    reply = asyncio.get_running_loop().create_future()
    reply.cancel()
    mail = Mail("question", reply)
    mail.answer(1)
    mail.fail(ValueError())
    assert reply.cancelled()


async def test_the_one_error_that_no_future_takes_is_told_as_another():
    reply = asyncio.get_running_loop().create_future()
    Mail("question", reply).fail(StopIteration("empty"))
    with pytest.raises(RuntimeError, match="StopIteration: empty"):
        await reply


def test_told_mail_needs_no_answer():
    Mail("told").answer(1)
    Mail("told").fail(ValueError())
