"""What a service calls: what travels on by itself, and what it gets for an answer."""

import asyncio

import msgspec
import pytest

from plait.actors import BadStatus, MeshError, Service, get
from plait.actors.messages.error import BadReply, InvalidName, NoEndpoints, NoRoute
from plait.actors.service.context import current
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


async def test_baggage_is_seen_as_headers_and_travels_on_with_what_a_handler_adds(client):
    reply = await client.send("shop", "/looks", baggage={"end-user": "jason"}, headers=[("end-user", "forged")])
    assert msgspec.json.decode(reply.body) == {"user": "jason", "kept": {"end-user": "jason"}}
    reply = await client.send("front_web", "/tell", baggage={"end-user": "jason"})
    assert msgspec.json.decode(reply.body) == {"user": "jason", "kept": {"end-user": "jason", "x-mood": "merry"}}


async def test_baggage_of_one_call_is_not_that_of_another(client):
    await client.send("front_web", "/tell", baggage={"end-user": "one"})
    both = await asyncio.gather(
        *(client.send("shop", "/looks", baggage={"end-user": user} if user else {}) for user in ("two", ""))
    )
    assert [msgspec.json.decode(reply.body)["kept"] for reply in both] == [{"end-user": "two"}, {}]


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), ("a b", "x"), ("a\n", "x"), ("ä", "x"), ("a:", "x"), ("a", "x\r\ny"), ("a", "\0")]
)
def test_baggage_that_could_not_travel_as_a_header_is_refused(name, value):
    with pytest.raises(InvalidName):
        Service().baggage[name] = value


async def test_the_context_of_a_call_travels_on_by_itself(client):
    seen = []

    class Deep(Service, name="deep"):
        @get("/")
        def look(self):
            context = current.get()
            seen.append((context.frame.chain, context.frame.traceparent, context.frame.revision, context.expires))
            return ""

    class Middle(Service, name="middle"):
        @get("/")
        async def pass_on(self):
            return (await self.call("deep", "/")).body

    home = client.network.nodes[0]
    await home.host(Deep)
    await home.host(Middle)
    end = asyncio.get_running_loop().time() + 5.0
    call = client.call("middle", timeout=5.0)
    call.tracestate = "v=1"
    await client.proxy.send(call)
    ((chain, traceparent, revision, expires),) = seen
    assert chain == ("middle-1",)
    assert (traceparent, revision) == (call.traceparent, call.revision)
    assert expires == pytest.approx(end, abs=0.01)


async def test_into_gives_the_type_that_was_asked_for(client):
    call = client.call("front_web", "/asks")
    call.query = "path=/books/9"
    assert (await client.proxy.send(call)).body == b"number 9"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/status/404", BadStatus), ("/status/500", BadStatus), ("/status/302", BadStatus), ("/text", BadReply)],
)
async def test_into_raises_for_other_answers(client, path, kind, book):
    caught = []

    class Asks(Service, name="asks"):
        @get("/")
        async def ask(self):
            try:
                await self.call("shop", path, into=book)
            except MeshError as error:
                caught.append(error)
            return ""

    await client.network.nodes[0].host(Asks)
    await client.send("asks")
    assert [type(error) for error in caught] == [kind]
    if kind is BadStatus:
        assert (caught[0].status, caught[0].body) == (int(path.rsplit("/")[-1]), b"no")


async def test_a_body_of_json_and_a_method_in_any_case_reach_the_called_service(client, book):
    reply = await client.send("front_web", "/sends", method="POST")
    assert (reply.status, msgspec.json.decode(reply.body, type=book)) == (201, book("sent", 2))


async def test_what_cannot_be_called_raises_in_the_caller(client):
    caught = []

    class Lost(Service, name="lost"):
        @get("/")
        async def look(self):
            for host in ("nobody", "no.such.place", "no..place", "UPPER"):
                try:
                    await self.call(host, "/")
                except MeshError as error:
                    caught.append(type(error))
            return ""

    await client.network.nodes[0].host(Lost)
    await client.send("lost")
    assert caught == [NoEndpoints, NoRoute, InvalidName, InvalidName]
