"""Faults under load that real processes bear: no request fails, nobody else is thought ill of, all is as it was."""

from pathlib import Path

import pytest

from tests.faults import plays
from tests.faults.disk import disk_full, small_disk
from tests.faults.scene import CONTROL, WHOAMI, Scene

pytestmark = pytest.mark.anyio

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def harmless(seen):
    assert seen.count > 200, "the load went on"
    assert seen.failed == []
    assert seen.wrong == []


async def test_killed_registries_of_which_none_is_left_for_five_seconds_cost_nothing_and_agree_when_they_return(scene):
    seen = await plays.registries_killed(scene)
    harmless(seen)
    assert seen.times["both_ready_after_start"] < 10.0


@pytest.mark.parametrize("way", ["both", "to_bus", "to_node"])
async def test_a_node_whose_line_goes_dead_is_avoided_taken_out_and_back_without_a_restart(scene, way):
    seen = await plays.partitioned(scene, way)
    harmless(seen)
    assert seen.times["suspected"] < 2.5, "before its connection is given up"
    assert seen.times["back_after_healing"] < 5.0


@pytest.mark.skipif(FAKETIME is None, reason="no libfaketime here (Debian: faketime)")
@pytest.mark.parametrize("targets", [(WHOAMI,), ("registry", "policy")], ids=["service", "control"])
async def test_a_clock_that_jumps_an_hour_ahead_and_behind_is_noticed_by_nobody(scene, targets):
    harmless(await plays.clock_jumps(scene, targets, FAKETIME or Path()))


@pytest.mark.parametrize("names", [CONTROL[:1], CONTROL], ids=["one", "all"])
async def test_registries_that_stood_still_for_five_seconds_call_nobody_dead(scene, names):
    harmless(await plays.observers_stopped(scene, names))


async def test_draining_and_replacing_every_service_and_registry_in_turn_fails_no_request(scene):
    harmless(await plays.rolled(scene))


async def test_hundreds_that_join_and_leave_two_registries_at_once_are_in_both_tables_or_in_none(scene):
    harmless(await plays.crowd(scene))


async def test_changes_are_refused_while_the_disk_is_full_and_nothing_taken_is_lost(tmp_path):
    with small_disk(tmp_path / "nats" / "js") as missing:
        if missing:
            pytest.skip(f"no disk of our own: {missing}")
        scene = Scene(tmp_path)
        try:
            await scene.open()
            seen = await disk_full(scene, tmp_path / "nats" / "js")
        finally:
            await scene.close()
    harmless(seen)
    assert any("unavailable" in one for one in seen.refusals), "the user is told"
    assert seen.times["applies_again_after_restart"] < 10.0
