"""The variant of ratings that confesses at `/health` is left alone while it is ill."""

import asyncio

from plait.actors.messages.error import NoEndpoints
from plait.examples.bookinfo import ratings
from plait.testing import simulate


def test_v_unhealthy_gets_no_calls_while_it_says_that_it_is_ill_and_has_them_again_after(monkeypatch):
    monkeypatch.setenv("SERVICE_VERSION", "v-unhealthy")
    monkeypatch.setitem(ratings.PERIODS, "v-unhealthy", 60.0)

    async def scenario(sim):
        answers = []
        for _ in range(3):
            await asyncio.sleep(30.0)
            try:
                answers.append((await sim.call("ratings", "/ratings/0")).status)
            except NoEndpoints:
                (one,) = sim.client.instances("ratings")
                answers.append(one.reason)
            await asyncio.sleep(30.0)
        return answers

    told = '/health: it answers 500 {"status":"Ratings is not healthy"}'
    assert simulate(scenario, services=(ratings.Ratings,)).result == [200, told, 200]


def test_both_versions_have_the_check():
    titles = [[one.title for one in kind.examined] for kind in (ratings.Ratings, ratings.RatingsV2)]
    assert titles == [["/health"], ["/health"]]
