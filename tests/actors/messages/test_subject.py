"""The subject tree: where everything is said, every variable part one validated token, replies scoped to the callee."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.messages.error import InvalidName
from plait.actors.messages.subject import Subjects

SUBJECTS = Subjects("m")
METHODS = {
    name: method
    for name, method in inspect.getmembers(SUBJECTS, inspect.ismethod)
    if not name.startswith("_") and name != "user"
}
WITH_PARTS = sorted(name for name, method in METHODS.items() if inspect.signature(method).parameters)


def parts(name):
    return list(inspect.signature(METHODS[name]).parameters)


def covers(pattern, subject):
    wanted, tokens = pattern.split(b"."), subject.split(b".")
    return len(wanted) == len(tokens) and all(w in (b"*", t) for w, t in zip(wanted, tokens, strict=True))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (SUBJECTS.call("reviews", "get", "r-1", "p-1"), b"plait.m.call.reviews.get.r-1.p-1"),
        (SUBJECTS.calls_to("reviews", "r-1"), b"plait.m.call.reviews.*.r-1.*"),
        (SUBJECTS.reply_prefix("reviews", "p-1", "T0"), b"plait.m.rsp.reviews.p-1.T0."),
        (SUBJECTS.replies("p-1", "T0"), b"plait.m.rsp.*.p-1.T0.*"),
        (SUBJECTS.cancel("reviews", "r-1", "p-1"), b"plait.m.cancel.reviews.r-1.p-1"),
        (SUBJECTS.cancels_to("reviews", "r-1"), b"plait.m.cancel.reviews.r-1.*"),
        (SUBJECTS.actor("node-1", "c"), b"plait.m.actor.node-1.c"),
        (SUBJECTS.actors_of("node-1"), b"plait.m.actor.node-1.*"),
        (SUBJECTS.node_reply_prefix("node-1", "c", "T0"), b"plait.m.nrsp.node-1.c.T0."),
        (SUBJECTS.node_replies("c", "T0"), b"plait.m.nrsp.*.c.T0.*"),
        (SUBJECTS.registration("join", "reviews", "r-1"), b"plait.m.reg.join.reviews.r-1"),
        (SUBJECTS.registrations("join"), b"plait.m.reg.join.*.*"),
        (SUBJECTS.heartbeat("node-1"), b"plait.m.hb.node-1"),
        (SUBJECTS.heartbeats(), b"plait.m.hb.*"),
        (SUBJECTS.snapshot("pol", "node-1"), b"plait.m.pol.snapshot.node-1"),
        (SUBJECTS.snapshots("pol"), b"plait.m.pol.snapshot.*"),
        (SUBJECTS.push("reg", "reviews"), b"plait.m.cp.reg.reviews"),
        (SUBJECTS.pushes("reg"), b"plait.m.cp.reg.*"),
        (SUBJECTS.acknowledge("node-1"), b"plait.m.pol.ack.node-1"),
        (SUBJECTS.acknowledgements(), b"plait.m.pol.ack.*"),
        (SUBJECTS.health("reviews", "node-1"), b"plait.m.health.reviews.node-1"),
        (SUBJECTS.healths("reviews"), b"plait.m.health.reviews.*"),
        (SUBJECTS.event("orders"), b"plait.m.event.orders"),
        (SUBJECTS.event("orders.eu.created"), b"plait.m.event.orders.eu.created"),
        (SUBJECTS.span("node-1"), b"plait.m.span.node-1"),
        (SUBJECTS.spans(), b"plait.m.span.*"),
        (SUBJECTS.tap("node-1"), b"plait.m.tap.node-1"),
        (SUBJECTS.dead_letter("reviews", "r-1"), b"plait.m.dlq.reviews.r-1"),
        (SUBJECTS.user("policy", "apply"), b"plait.m.policy.apply"),
    ],
)
def test_the_tree_is_what_the_design_says(made, expected):
    assert made == expected


def test_no_subject_is_left_out_of_the_tree_test():
    assert len(METHODS) == 27  # one more here needs one more line above


@pytest.mark.parametrize("name", WITH_PARTS)
@pytest.mark.parametrize("hostile", ["", "a.b", "*", ">", "a b", "a\r\nSUB > 1", "ä", "\0"])
def test_every_part_of_every_subject_is_refused_when_it_is_no_token(name, hostile):
    wanted = parts(name)
    for at in range(len(wanted)):
        arguments = ["x"] * len(wanted)
        arguments[at] = hostile.replace(".", "..") if name == "event" else hostile  # a topic has several tokens
        with pytest.raises(InvalidName):
            METHODS[name](*arguments)


@given(name=st.sampled_from(WITH_PARTS), text=st.text(max_size=10))
def test_whatever_a_part_is_the_subject_keeps_its_number_of_tokens(name, text):
    wanted = parts(name)
    plain = METHODS[name](*["x"] * len(wanted))
    for at in range(len(wanted)):
        arguments = ["x"] * len(wanted)
        arguments[at] = text
        try:
            made = METHODS[name](*arguments)
        except InvalidName:
            continue
        assert made.count(b".") == plain.count(b".")
        assert not set(made) & set(b" \t\r\n>\0")
        assert made.count(b"*") == plain.count(b"*")


@pytest.mark.parametrize("hostile", ["", "a.b", ">", "M", "a_b"])
def test_a_mesh_has_a_proper_name(hostile):
    with pytest.raises(InvalidName):
        Subjects(hostile)


@pytest.mark.parametrize("hostile", ["", "a.b", ">"])
def test_a_user_subject_is_of_tokens_too(hostile):
    with pytest.raises(InvalidName):
        SUBJECTS.user("policy", hostile)


def test_what_is_said_is_heard_by_whom_it_is_for_and_nobody_else():
    heard = [
        (SUBJECTS.calls_to("s", "i"), SUBJECTS.call("s", "get", "i", "c"), SUBJECTS.call("s", "get", "j", "c")),
        (
            SUBJECTS.replies("c", "T"),
            SUBJECTS.reply_prefix("s", "c", "T") + b"9",
            SUBJECTS.reply_prefix("s", "d", "T") + b"9",
        ),
        (SUBJECTS.cancels_to("s", "i"), SUBJECTS.cancel("s", "i", "c"), SUBJECTS.cancel("s", "j", "c")),
        (SUBJECTS.actors_of("n"), SUBJECTS.actor("n", "c"), SUBJECTS.actor("o", "c")),
        (
            SUBJECTS.registrations("join"),
            SUBJECTS.registration("join", "s", "i"),
            SUBJECTS.registration("leave", "s", "i"),
        ),
        (SUBJECTS.heartbeats(), SUBJECTS.heartbeat("n"), SUBJECTS.span("n")),
        (SUBJECTS.snapshots("reg"), SUBJECTS.snapshot("reg", "n"), SUBJECTS.snapshot("pol", "n")),
        (SUBJECTS.pushes("pol"), SUBJECTS.push("pol", "7"), SUBJECTS.push("reg", "7")),
        (SUBJECTS.acknowledgements(), SUBJECTS.acknowledge("n"), SUBJECTS.snapshot("pol", "n")),
        (SUBJECTS.spans(), SUBJECTS.span("n"), SUBJECTS.tap("n")),
    ]
    for pattern, mine, other in heard:
        assert covers(pattern, mine)
        assert not covers(pattern, other)


def test_meshes_do_not_hear_each_other():
    assert not covers(Subjects("one").heartbeats(), Subjects("two").heartbeat("n"))
