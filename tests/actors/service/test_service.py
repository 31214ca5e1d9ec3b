"""A service in a node: what its callers get, and what happens when a handler fails."""

import asyncio

import msgspec
import pytest

from plait.actors import Service, get, post
from plait.actors.messages.error import HandlerFailed, Overloaded
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


def error(reply):
    return msgspec.json.decode(reply.body)["error"]


async def test_a_handler_answers_with_what_it_returns(client, book):
    reply = await client.send("shop", "/books/7")
    assert (reply.status, reply.cause) == (200, 0)
    assert msgspec.json.decode(reply.body, type=book) == book("number 7")
    reply = await client.send("shop", "/books", method="POST", body=b'{"title": "new"}')
    assert (reply.status, msgspec.json.decode(reply.body, type=book)) == (201, book("new"))


async def test_head_is_answered_by_get(client):
    assert (await client.send("shop", "/books/7", method="HEAD")).status == 200


async def test_an_unknown_path_is_404_and_a_wrong_method_is_405_with_those_allowed(client):
    reply = await client.send("shop", "/nowhere")
    assert (reply.status, error(reply)["code"]) == (404, "not_found")
    assert "/nowhere" in error(reply)["message"]
    reply = await client.send("shop", "/books/7", method="DELETE")
    assert (reply.status, error(reply)["code"]) == (405, "unimplemented")
    assert ("allow", "GET, HEAD") in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "what"),
    [("GET", "/books/seven", b"", "number"), ("POST", "/books", b"{", "body"), ("POST", "/books", b"{}", "title")],
)
async def test_what_does_not_fit_the_arguments_is_400_and_says_what(client, method, path, body, what):
    reply = await client.send("shop", path, method=method, body=body)
    assert (reply.status, error(reply)["code"]) == (400, "invalid_argument")
    assert what in error(reply)["message"]


@pytest.mark.parametrize("path", ["/fails", "/fails-plainly", "/odd", "/odd-later", "/calls-nobody"])
async def test_a_handler_that_fails_is_500_with_the_request_id_and_the_next_request_is_served(client, path, shop):
    reply = await client.send("shop", path, baggage={"x-request-id": "r-77"})
    assert (reply.status, error(reply)["code"]) == (500, "internal")
    assert "r-77" in error(reply)["message"]
    assert b"secret" not in reply.body
    assert (await client.send("shop", "/books/1")).status == 200
    assert shop.started == 1


@pytest.mark.parametrize("path", ["/fails", "/fails-plainly", "/odd", "/odd-later", "/calls-nobody"])
async def test_with_restart_on_error_it_begins_a_new_life_and_the_next_request_is_served(client, path, fragile):
    reply = await client.send("fragile", path, baggage={"x-request-id": "r-78"})
    assert (reply.status, reply.cause) == (500, HandlerFailed.cause)
    assert b"r-78" in reply.body
    assert b"secret" not in reply.body
    assert (await client.send("fragile", "/books/1", timeout=5.0)).status == 200
    assert fragile.started == 2


async def test_a_failure_further_down_is_not_taken_for_the_services_own(client):
    # The handler has run: a POST must not be tried elsewhere because somebody below it was overloaded.
    begun = []

    class Busy(Service, name="busy", restart_on_error=True):
        @post("/")
        async def order(self):
            begun.append(1)
            raise Overloaded("somebody below")

    for number in (1, 2):
        await client.network.nodes[0].host(Busy, f"busy-{number}")
    reply = await client.send("busy", method="POST")
    assert (reply.status, reply.cause, begun) == (500, HandlerFailed.cause, [1])


async def test_so_many_calls_are_handled_at_a_time_as_the_class_says(client):
    class Narrow(Service, name="narrow", concurrency=2, mailbox=50):
        busy = most = 0

        @get("/")
        async def work(self):
            kind = type(self)
            kind.busy += 1
            kind.most = max(kind.most, kind.busy)
            await self.sleep(0.1)
            kind.busy -= 1

    await client.network.nodes[0].host(Narrow)
    replies = await asyncio.gather(*(client.send("narrow") for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    assert Narrow.most == 2


async def test_a_handler_may_make_tasks_and_time_limits_as_anywhere_in_asyncio(client):
    class Usual(Service, name="usual"):
        @get("/")
        async def work(self):
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                tasks = [group.create_task(asyncio.sleep(0.1, number)) for number in range(3)]
            assert asyncio.current_task() is not None
            return [task.result() for task in tasks]

        @get("/late")
        async def late(self):
            try:
                async with asyncio.timeout(0.1):
                    await self.sleep(5)
            except TimeoutError:
                return "late"

    await client.network.nodes[0].host(Usual)
    assert (await client.send("usual")).body == b"[0,1,2]"
    assert (await client.send("usual", "/late")).body == b"late"
