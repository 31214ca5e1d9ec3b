"""Trees and waterfalls: every span has its place, whatever is missing or wrong."""

import random

from hypothesis import given
from hypothesis import strategies as st

from plait.tracing.record import Kind, SpanRecord, Status
from plait.tracing.store.tree import arrange, waterfall

MS = 1_000_000


def span(number, parent=0, start=0, duration=10, service="reviews", name="GET /", **more):
    return SpanRecord(
        trace_id="ab" * 16,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        service=service,
        instance=f"{service}-1",
        node="n1",
        name=name,
        kind=Kind.SERVER,
        start_ns=10**18 + start * MS,
        duration_ns=duration * MS,
        **more,
    )


def shape(node):
    return (int(node.span.span_id, 16), [shape(child) for child in node.children])


PAGE = [
    span(1, service="gateway", name="GET /productpage", duration=100),
    span(2, 1, 10, 80, "productpage", attributes={"http.status_code": 200}),
    span(3, 2, 20, 10, "details"),
    span(4, 2, 40, 50, "reviews"),
    span(
        5,
        4,
        50,
        20,
        "ratings",
        status=Status.ERROR,
        message="no healthy upstream",
        attributes={"http.status_code": 503},
    ),
]


def test_spans_stand_below_their_parents_by_start_whatever_order_they_came_in():
    for seed in range(20):
        spans = PAGE[:]
        random.Random(seed).shuffle(spans)
        (root,) = arrange(spans)
        assert shape(root) == (1, [(2, [(3, []), (4, [(5, [])])])])
        assert [node.depth for node in root.walk()] == [0, 1, 2, 2, 3]


def test_a_span_without_its_parent_is_a_root_after_the_whole_ones():
    roots = arrange([span(9, 77, start=0), *PAGE])
    assert [(shape(root)[0], root.orphan) for root in roots] == [(1, False), (9, True)]


def test_spans_that_name_each_other_as_parents_are_cut_open():
    (root,) = arrange([span(1, 2, start=5), span(2, 1, start=3)])
    assert shape(root) == (2, [(1, [])])
    (alone,) = arrange([span(3, 3)])
    assert shape(alone) == (3, [])


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 14), st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_any_spans_stand_in_the_tree_exactly_once_and_can_be_drawn(rows):
    spans = [span(number, parent, start, duration) for number, parent, start, duration in rows]
    placed = [node.span.span_id for root in arrange(spans) for node in root.walk()]
    assert sorted(placed) == sorted({one.span_id for one in spans})
    lines = waterfall(spans, 80, ascii_only=True)
    assert len(lines) == len(placed)
    assert all(len(line[:80].rstrip()) <= 80 and "#" in line for line in lines)


def test_a_chain_of_thousands_of_calls_does_not_exhaust_the_stack():
    spans = [span(1), *(span(number, number - 1) for number in range(2, 5001))]
    (root,) = arrange(spans)
    assert max(node.depth for node in root.walk()) == 4999
    lines = waterfall(spans, 100)
    assert len(lines) == 5000
    assert max(map(len, lines)) <= 104


def test_the_waterfall_shows_service_offset_duration_bar_and_outcome():
    assert waterfall(PAGE, 76, ascii_only=True) == [
        "gateway GET /productpage      0 us  100.0 ms  ############################## ok",
        "`- productpage GET /       10.0 ms   80.0 ms     ########################    200",
        "   |- details GET /        20.0 ms   10.0 ms        ###                      ok",
        "   `- reviews GET /        40.0 ms   50.0 ms              ###############    ok",
        "      `- ratings GET /     50.0 ms   20.0 ms                 ######          error 503: no healthy upstream",
    ]


def test_a_missing_parent_is_marked_only_beside_other_beginnings():
    assert waterfall([span(2, 1)])[0].startswith("reviews")
    assert waterfall([span(2, 1), span(3)])[1].startswith("? reviews")


def test_names_of_strangers_cannot_steer_the_terminal():
    (line,) = waterfall([span(1, name="a\x1b[31m\u202eb\n", status=Status.ERROR, message="\r\x07")])
    assert not set(line) & {"\x1b", "\u202e", "\n", "\r", "\x07"}
    assert "Jürgen" in waterfall([span(1, name="Jürgen")])[0]


def test_a_long_name_is_cut_and_no_spans_give_no_lines():
    (line,) = waterfall([span(1, name="x" * 300)], 100)
    assert "…" in line
    assert len(line) <= 104
    assert waterfall([]) == []
