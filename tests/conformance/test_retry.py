"""Retries as a client sees them, by a service that fails so often and then answers."""

import json

import pytest

pytestmark = pytest.mark.anyio


def policy(retries, timeout=""):
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: retrying }}
spec:
  hosts: [flaky]
  http:
    - route: [{{ destination: {{ host: flaky }} }}]
      retries: {retries}
      {timeout}
"""


async def tries(world, key):
    return json.loads((await world.ask(f"/call/flaky/tries/{key}")).body)["tries"]


@pytest.mark.parametrize(
    ("retries", "failures", "status", "expected", "times"),
    [
        ("{ attempts: 3, retryOn: 5xx }", 2, 500, 200, 3),
        ("{ attempts: 3, retryOn: 5xx }", 9, 501, 501, 4),
        ("{ attempts: 3, retryOn: gateway-error }", 2, 503, 200, 3),
        ("{ attempts: 3, retryOn: gateway-error }", 2, 500, 500, 1),
        ("{ attempts: 3, retryOn: retriable-4xx }", 1, 409, 200, 2),
        ("{ attempts: 3, retryOn: 'retriable-status-codes,418' }", 2, 418, 200, 3),
        ("{ attempts: 3, retryOn: '503' }", 1, 502, 502, 1),
        ("{ attempts: 3, retryOn: 'connect-failure,refused-stream,reset' }", 1, 503, 503, 1),
        ("{ attempts: 3 }", 1, 503, 503, 1),
        ("{ attempts: 0 }", 1, 503, 503, 1),
        ("{}", 1, 503, 503, 1),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_failing_service_is_tried_again_as_the_policy_names_it(
    world, method, retries, failures, status, expected, times, request
):
    key = f"{abs(hash(request.node.name))}"
    await world.apply(policy(retries))
    answer = await world.ask(f"/call/flaky/fails/{key}/{failures}/{status}", method)
    assert answer.status == expected
    assert await tries(world, key) == times


async def test_istios_own_policy_is_accepted_and_the_call_answered(world):
    names = "gateway-error,connect-failure,refused-stream,reset-before-request"
    await world.apply(policy(f"{{ attempts: 3, retryOn: '{names}', retryRemoteLocalities: true }}"))
    assert (await world.ask("/call/flaky/fails/istio/2/503")).status == 200
    assert await tries(world, "istio") == 3


async def test_each_try_has_a_time_of_its_own(world):
    await world.apply(policy("{ attempts: 2, perTryTimeout: 300ms }", "timeout: 10s"))
    answer = await world.ask("/call/flaky/hangs/per-try/1")
    assert answer.status == 200
    assert 0.29 < answer.took < 1.5
    assert await tries(world, "per-try") == 2


async def test_a_post_that_may_have_been_worked_on_runs_again_only_where_the_policy_says_so(world):
    await world.apply(policy("{ attempts: 2, perTryTimeout: 200ms }"))
    assert (await world.ask("/call/flaky/hangs/careful/1", "POST")).status >= 500
    assert await tries(world, "careful") == 1
    await world.apply(policy("{ attempts: 2, perTryTimeout: 200ms, retryOn: 5xx }"))
    assert (await world.ask("/call/flaky/hangs/bold/1", "POST")).status == 200
    assert await tries(world, "bold") == 2


async def test_the_routes_timeout_spans_all_tries(world):
    await world.apply(policy("{ attempts: 50, perTryTimeout: 200ms, retryOn: 5xx }", "timeout: 500ms"))
    answer = await world.ask("/call/flaky/hangs/bounded/99")
    assert answer.status >= 500
    assert answer.took < 1.5
    # Two tries of 200 ms and a wait before the third of up to 75 ms: where that would end too late it is not made.
    assert await tries(world, "bounded") in (2, 3)
