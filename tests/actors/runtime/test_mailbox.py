"""A mailbox keeps order, has a bound, and mail is answered once."""

import asyncio

import pytest

from plait.actors.runtime.mailbox import Mail, Mailbox

pytestmark = pytest.mark.anyio


def test_mail_is_taken_in_the_order_in_which_it_came():
    box = Mailbox(10)
    for number in range(5):
        assert box.offer(Mail(number))
    assert [box.take().message for _ in range(5)] == list(range(5))
    assert box.take() is None


def test_a_full_mailbox_refuses_and_counts_and_keeps_what_it_has():
    box = Mailbox(2)
    assert [box.offer(Mail(number)) for number in range(5)] == [True, True, False, False, False]
    assert (len(box), box.refused) == (2, 3)
    assert box.take().message == 0
    assert box.offer(Mail("again"))
    assert [box.take().message for _ in range(2)] == [1, "again"]


def test_a_mailbox_of_no_room_takes_nothing():
    assert not Mailbox(0).offer(Mail(1))


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
