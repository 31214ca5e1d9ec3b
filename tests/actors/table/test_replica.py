"""A replica converges whatever becomes of the deltas, and never goes back."""

from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.table import Delta
from plait.actors.table.replica import Offer, Replica, Table, apply, digest

changes = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.binary(max_size=3))), min_size=1, max_size=3
)


def history(steps):
    """Return the deltas of a table and its entries at each revision."""
    deltas, states = [], [{}]
    for n, step in enumerate(steps):
        deltas.append(Delta(n, n + 1, tuple(step)))
        entries = dict(states[-1])
        apply(entries, step)
        states.append(entries)
    return deltas, states


@given(st.lists(changes, min_size=1, max_size=12), st.data())
def test_every_interleaving_of_lost_doubled_and_late_deltas_and_snapshots_converges(steps, data):
    deltas, states = history(steps)
    replica, seen, told = Replica(), 0, {}
    acts = st.one_of(
        st.tuples(st.just("delta"), st.integers(0, len(deltas) - 1)),
        st.tuples(st.just("snapshot"), st.integers(0, len(deltas))),
    )
    for act, n in data.draw(st.lists(acts, max_size=30)):
        if act == "delta":
            replica.offer(deltas[n])
        else:
            replica.install(Table(n, states[n]))
        assert replica.revision >= seen
        seen = replica.revision
        assert replica.entries == states[seen]
        apply(told, replica.take().items())
        assert told == replica.entries
    replica.install(Table(len(deltas), states[-1]))
    assert (replica.revision, replica.entries, replica.gap) == (len(deltas), states[-1], False)
    assert digest(replica.entries) == digest(states[-1])


@given(st.permutations(range(8)))
def test_deltas_in_any_order_give_the_table_without_a_snapshot(order):
    deltas, states = history([[("k", str(n).encode()), (f"only{n}", b"x")] for n in range(8)])
    replica = Replica()
    for n in order:
        replica.offer(deltas[n])
    assert replica.entries == states[-1]


def test_an_offer_says_whether_it_was_taken():
    replica = Replica()
    assert replica.offer(Delta(1, 2, (("b", b"2"),))) is Offer.GAP
    assert replica.gap
    assert replica.offer(Delta(0, 1, (("a", b"1"),))) is Offer.APPLIED
    assert replica.offer(Delta(0, 1, (("a", b"9"),))) is Offer.OLD
    assert replica.entries == {"a": b"1", "b": b"2"}
    assert not replica.gap


def test_a_late_snapshot_takes_nothing_back():
    replica = Replica()
    replica.install(Table(5, {"a": b"5"}))
    assert not replica.install(Table(4, {"a": b"4"}))
    assert replica.entries == {"a": b"5"}


def test_the_digest_tells_where_one_text_ends():
    assert digest({"ab": b"c"}) != digest({"a": b"bc"})
    assert digest({"a": b"1", "b": b"2"}) == digest({"b": b"2", "a": b"1"})
