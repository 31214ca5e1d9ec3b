"""The bus in memory: its router, and what only it can do: cut single connections and report who comes and goes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.bus.bus import BusState
from plait.actors.bus.interest import Interest, Router
from plait.actors.bus.memory import MemoryServer
from plait.actors.messages.error import TooLarge


def ignore(*_):
    """A callback that nobody calls."""


def covers(pattern, subject):
    """NATS's rule, said the slow way."""
    if pattern[:1] == [b">"]:
        return len(subject) > 0
    if not pattern or not subject:
        return pattern == subject
    return pattern[0] in (b"*", subject[0]) and covers(pattern[1:], subject[1:])


TOKENS = st.lists(st.sampled_from([b"a", b"b", b"*"]), min_size=1, max_size=4)


@given(st.lists(st.tuples(TOKENS, st.booleans()), max_size=12), st.lists(st.sampled_from([b"a", b"b"]), min_size=1))
def test_the_router_finds_exactly_what_covers_a_subject(patterns, subject):
    router = Router()
    interests = []
    for tokens, rest in patterns:
        interests.append(Interest(None, b".".join([*tokens, b">"] if rest else tokens), b"", ignore))
        router.add(interests[-1])
    for gone in interests[::3]:
        router.remove(gone)
    left = [each for index, each in enumerate(interests) if index % 3]
    expected = [each for each in left if covers(each.subject.split(b"."), subject)]
    assert set(router.match(b".".join(subject))) == set(expected)
    for each in left:
        router.remove(each)
    assert router.match(b".".join(subject)) == []


@pytest.mark.anyio
async def test_one_connection_is_cut_and_comes_back_under_another_identity():
    server = MemoryServer()
    events = []
    server.watch(
        lambda name, who: events.append(("came", name, who)), lambda name, who: events.append(("went", name, who))
    )
    one, two = server.connect("one"), server.connect("two")
    first = one.identity
    got = []
    one.subscribe(b"x", lambda *message: got.append(message))
    server.disconnect(one)
    two.publish(b"x", b"lost")
    await two.flush()
    assert one.state is BusState.RECONNECTING
    assert two.state is BusState.CONNECTED
    server.reconnect(one)
    two.publish(b"x", b"found")
    await two.flush()
    assert [message[2] for message in got] == [b"found"]
    await one.close()
    assert events == [
        ("came", "one", first),
        ("came", "two", two.identity),
        ("went", "one", first),
        ("came", "one", one.identity),
        ("went", "one", one.identity),
    ]
    assert one.identity != first


@pytest.mark.anyio
async def test_what_a_connection_sent_just_before_it_was_cut_is_lost_with_it():
    server = MemoryServer()
    one, two = server.connect("one"), server.connect("two")
    got = []
    two.subscribe(b"x", lambda *message: got.append(message))
    one.publish(b"x", b"")
    server.disconnect(one)
    await two.flush()
    assert got == []


@pytest.mark.anyio
async def test_the_same_seed_picks_the_same_members_of_a_queue_group():
    async def run():
        server = MemoryServer(max_payload=10, rng=random.Random(5))
        bus = server.connect("one")
        got = []
        for member in range(3):
            bus.subscribe(b"x", lambda *_, member=member: got.append(member), queue=b"q")
        for _ in range(20):
            bus.publish(b"x", b"")
        with pytest.raises(TooLarge):
            bus.publish(b"x", b"x" * 11)
        await bus.flush()
        return got

    first = await run()
    assert first == await run()
    assert set(first) == {0, 1, 2}
