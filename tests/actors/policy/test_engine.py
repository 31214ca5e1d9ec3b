"""Policy comes in over the bus, is judged, numbered, stored, and brought to the nodes in two phases."""

import asyncio

import pytest

from tests.policy_world import BAD, service

pytestmark = pytest.mark.anyio


async def test_an_accepted_bundle_becomes_the_next_revision(world):
    await world.start()
    assert await world.apply(service("reviews") + service("ratings")) == {
        "revision": 1,
        "applied": [
            {"kind": "VirtualService", "namespace": "default", "name": "reviews", "action": "created"},
            {"kind": "VirtualService", "namespace": "default", "name": "ratings", "action": "created"},
        ],
        "warnings": [],
        "nodes": {"synced": 0, "of": 0},
    }
    answer = await world.apply(service("reviews", "ratings"))
    assert (answer["revision"], answer["applied"][0]["action"]) == (2, "configured")
    assert await world.names() == ["ratings", "reviews"]


async def test_a_refused_bundle_says_why_and_leaves_what_was_in_force(world):
    await world.start()
    await world.apply(service("reviews"))
    before = await world.ask("get")
    answer = await world.apply(service("ratings") + BAD)
    assert list(answer) == ["errors"]
    error = answer["errors"][0]
    assert (error["code"], error["document"], error["path"]) == (
        "unknown_field",
        "VirtualService/default/broken",
        "$.spec.http[0].rute",
    )
    assert "route" in error["hint"]
    assert await world.ask("get") == before
    assert world.store.writes == 1


async def test_nodes_prepare_before_any_activates(world):
    await world.start()
    first, second = await world.node("n1"), await world.node("n2")
    world.seen.clear()
    answer = await world.apply(service("reviews"))
    assert answer["nodes"] == {"synced": 2, "of": 2}
    assert world.seen == [("Prepare", 1), *[("prepared", 1)] * 2, ("Activate", 1), *[("active", 1)] * 2]
    for node in (first, second):
        assert node.active == [(1, (1, ["VirtualService/default/reviews"]))]


async def test_a_node_that_never_answers_delays_by_no_more_than_the_limits(world):
    await world.start(limit=0.2)
    await world.node("n1")
    world.alive.add("deaf")
    loop = asyncio.get_running_loop()
    start = loop.time()
    answer = await world.apply(service("reviews"))
    assert 0.39 < loop.time() - start < 1.0
    assert answer["nodes"] == {"synced": 1, "of": 2}
    start = loop.time()
    await world.apply(service("reviews", "ratings"), wait="false")
    assert loop.time() - start < 0.38


async def test_a_node_that_cannot_compile_is_named_and_keeps_what_it_has(world):
    def choosy(revision, entries):
        if revision == 2:
            raise ValueError("too new for me")
        yield
        return revision

    await world.start()
    node = await world.node("old", choosy)
    await world.apply(service("reviews"))
    answer = await world.apply(service("ratings"))
    assert answer["nodes"] == {"synced": 0, "of": 1}
    assert answer["warnings"][0]["code"] == "node_refused"
    assert "too new for me" in answer["warnings"][0]["message"]
    assert node.revision == 1
    status = await world.ask("status")
    assert (status["items"][0]["state"], status["items"][0]["node"]) == ("refused", "old")


async def test_the_same_documents_again_make_no_revision(world):
    await world.start()
    await world.apply(service("reviews"))
    again = await world.apply(service("reviews"))
    assert (again["revision"], again["applied"][0]["action"]) == (1, "unchanged")
    assert world.store.writes == 1


async def test_what_get_gives_can_be_applied_again(world):
    await world.start()
    await world.apply(service("reviews"))
    item = (await world.ask("get", {"kind": "VirtualService", "name": "reviews"}))["items"][0]
    assert item["metadata"]["resourceVersion"] == "1"
    assert item["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert (await world.ask("apply", item))["applied"][0]["action"] == "unchanged"


async def test_a_dry_run_judges_and_changes_nothing(world):
    await world.start()
    answer = await world.apply(service("reviews"), dry_run="true")
    assert (answer["revision"], answer["applied"][0]["action"]) == (0, "created")
    assert "errors" in await world.apply(BAD, dry_run="true")
    assert (await world.names(), world.store.writes) == ([], 0)


async def test_a_deleted_document_is_out_of_force(world):
    await world.start()
    await world.apply(service("reviews") + service("ratings"))
    answer = await world.ask("delete", {"kind": "VirtualService", "name": "reviews"})
    assert (answer["revision"], answer["applied"][0]["action"]) == (2, "deleted")
    assert await world.names() == ["ratings"]
    answer = await world.ask("delete", {"kind": "VirtualService", "name": "reviws"})
    assert answer["errors"][0]["code"] == "not_found"
    assert (await world.ask("delete", {"kind": "VirtualService"}))["errors"]
    for name in ("a/b/c", "/reviews", "default/"):
        (error,) = (await world.ask("delete", {"kind": "VirtualService", "name": name}))["errors"]
        assert (error["code"], "`namespace/name`" in error["message"]) == ("failed_precondition", True)


async def test_a_rollback_is_a_new_revision_with_the_old_rules(world):
    await world.start()
    node = await world.node()
    await world.apply(service("reviews"))
    await world.apply(service("reviews", "ratings") + service("ratings"))
    answer = await world.ask("rollback", {"revision": 1})
    assert answer["revision"] == 3
    assert {one["name"]: one["action"] for one in answer["applied"]} == {"ratings": "deleted", "reviews": "configured"}
    assert await world.names() == ["reviews"]
    history = await world.ask("history")
    assert [(one["revision"], one["action"]) for one in history["items"]] == [
        (3, "rollback 1"),
        (2, "apply"),
        (1, "apply"),
    ]
    assert history["items"][0]["digest"] == history["items"][2]["digest"] != history["items"][1]["digest"]
    assert history["items"][0]["active"]
    assert node.revision == 3
    assert (await world.ask("rollback", {"revision": 1}))["revision"] == 3  # it stands there already
    for bad in ({"revision": 9}, {}, {"revision": "1"}):
        assert (await world.ask("rollback", bad))["errors"]


RULES = (
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews}\n"
    "spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}\n"
)


async def test_what_others_still_name_is_taken_out_by_force_alone_and_all_of_them_are_named(world):
    await world.start()
    to_v1 = [service(name, "reviews").replace("host: reviews}", "host: reviews, subset: v1}") for name in ("a", "b")]
    await world.apply(RULES + "".join(to_v1) + service("c"))
    question = {"items": [{"kind": "DestinationRule", "name": "reviews"}, {"kind": "VirtualService", "name": "c"}]}
    errors = (await world.ask("delete", question))["errors"]
    assert [(one["code"], name in one["message"]) for one, name in zip(errors, "ab", strict=True)] == [
        ("unknown_subset", True),
        ("unknown_subset", True),
    ]
    assert sorted(await world.names()) == ["a", "b", "c", "reviews"]
    answer = await world.ask("delete", question | {"force": True})
    assert ([one["name"] for one in answer["applied"]], answer["revision"]) == (["reviews", "c"], 2)
    assert [one["code"] for one in answer["warnings"]] == ["unknown_subset"] * 2
    # What dangles already is not held against those who come later.
    await world.apply(RULES.replace("reviews", "ratings"))
    assert "errors" not in await world.ask("delete", {"kind": "DestinationRule", "name": "ratings"})
    for bad in ({"items": []}, {"items": [7]}, question | {"force": "yes"}):
        assert "errors" in await world.ask("delete", bad)


async def test_status_says_how_each_node_stands_and_since_when(world, until):
    engine = await world.start()
    node = await world.node("n1")
    world.alive.add("silent")
    await world.apply(service("a"), wait="false")
    await until(lambda: node.revision == 1)
    assert (await world.ask("status"))["items"] == [
        {"node": "n1", "revision": 1, "state": "synced", "since": "2023-11-14T22:13:20Z", "reason": ""},
        {"node": "silent", "revision": 0, "state": "stale", "since": "", "reason": ""},
    ]
    await node.stop()
    await world.apply(service("b"), wait="false")
    assert (await world.ask("status"))["items"][0]["state"] == "behind"
    assert engine.active == 2


async def test_an_engine_that_starts_asks_nodes_by_what_they_decide(world, until):
    await world.start("one")
    await world.node("n1")
    await world.apply(service("a"))
    two = await world.start("two")
    await until(lambda: two._rollout.has("n1", 1))


async def test_an_apply_that_waited_says_how_long_nodes_took(world):
    await world.start()
    await world.node("n1")
    answer = await world.apply(service("a"))
    assert 0 < answer["convergence"]["p50"] <= answer["convergence"]["all"] < 1
    assert "convergence" not in await world.apply(service("b"), wait="false")
