"""What instances say of themselves after they have joined: the latest word stands, and none is lost for good."""

import msgspec
import pytest

pytestmark = pytest.mark.anyio


def says(instance, health, renewal, reason=""):
    return msgspec.structs.replace(instance, health=health, reason=reason, renewal=renewal)


async def stands(world):
    (found,) = (await world.resolve("reviews"))["instances"]
    return found["health"], found["reason"]


async def test_an_earlier_word_that_comes_late_changes_nothing(world):
    await world.start()
    joined = world.instance(health="starting", reason="db: not looked at yet")
    await world.join(joined)
    await world.join(says(joined, "healthy", 2), "renew")
    answer = await world.join(says(joined, "critical", 1, "db: refused"), "renew")
    assert (answer.error, await stands(world)) == ("", ("healthy", ""))


async def test_a_heartbeat_tells_that_a_word_was_lost_and_who_repeats_it_is_heard(world):
    await world.start()
    joined = world.instance()
    await world.join(joined)
    lost = says(joined, "critical", 1, "db: refused")
    assert (await world.beat(lost)).behind == (("reviews", "r1"),)
    await world.join(lost, "renew")
    answer = await world.beat(lost)
    assert (answer.behind, answer.unknown) == ((), ())
    assert await stands(world) == ("critical", "db: refused")


async def test_health_outlives_every_registry(world):
    await world.start()
    joined = world.instance()
    await world.join(joined)
    await world.join(says(joined, "critical", 1, "db: refused"), "renew")
    await world.stop()
    await world.start("another")
    assert await stands(world) == ("critical", "db: refused")
