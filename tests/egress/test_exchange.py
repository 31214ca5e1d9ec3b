"""Calls carried out over real HTTP: what is sent, what comes back, and what failures mean."""

import ssl

import pytest
import trustme

from plait.actors.messages.envelope import VERSION, CallFrame
from plait.actors.messages.error import Broken, HandlerFailed, Processed, Undecodable, Unreachable
from plait.actors.messages.external import ClientTls
from plait.egress.exchange import Exchange
from plait.egress.target import Target
from tests.outside import Outside

pytestmark = pytest.mark.anyio

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def outside():
    server = Outside()
    yield server
    await server.stop()


@pytest.fixture
async def to():
    """Makes an exchange with a server."""
    made = []

    def make(port, tls=None, largest=1_000_000):
        made.append(Exchange(Target("api_example_com", "api.example.com", "127.0.0.1", port, {}, "", tls), largest))
        return made[-1]

    yield make
    for one in made:
        await one.close()


def frame(path="/echo", method="GET", headers=(), body=b"", **more):
    fields = {"authority": "api.example.com", "query": "", **more}
    return CallFrame(
        VERSION, 1, 1, method, fields["authority"], path, fields["query"], list(headers), body, None, TRACE,
        fields.get("tracestate", ""), fields.get("baggage", {}),
    )  # fmt: skip


async def test_a_call_arrives_as_it_was_made_without_what_is_for_one_hop_alone(outside, to):
    await outside.start()
    headers = [
        ("connection", "x-private"), ("x-private", "1"), ("te", "trailers"), ("transfer-encoding", "chunked"),
        ("content-length", "99"), ("baggage", "secret=1"), ("x-a", "1"), ("x-a", "2"), ("accept-encoding", "gzip"),
    ]  # fmt: skip
    sent = frame("/echo/%2F", "POST", headers, b"body", query="q=a%20b", baggage={"x-request-id": "r1", "user": "u"})
    answer = await to(outside.port).send(sent, TRACE)
    line, *fields = answer.body.decode().split("\r\n")
    assert line == "POST /echo/%2F?q=a%20b HTTP/1.1"
    assert sorted(fields) == sorted(
        [
            "host: api.example.com", f"traceparent: {TRACE}", f"b3: {TRACE[3:52]}-1", "x-request-id: r1",
            "x-a: 1", "x-a: 2",
            "accept-encoding: gzip", "Content-Length: 4", "", "body",
        ]
    )  # fmt: skip
    assert (answer.status, answer.headers) == (200, [("x-stays", "1")])


async def test_connections_are_kept_for_the_next_call(outside, to):
    await outside.start()
    exchange = to(outside.port)
    for _ in range(3):
        assert (await exchange.send(frame(), TRACE)).status == 200
    assert outside.connections == 1
    assert (await exchange.send(frame("/status/503"), TRACE)).status == 503


async def test_a_refused_connection_was_certainly_not_processed(outside, to):
    await outside.start()
    await outside.stop()
    with pytest.raises(Unreachable, match=r"api\.example\.com at http://127\.0\.0\.1") as raised:
        await to(outside.port).send(frame(), TRACE)
    assert raised.value.processed is Processed.NO


async def test_of_a_connection_that_breaks_nobody_knows(outside, to):
    await outside.start()
    with pytest.raises(Broken) as raised:
        await to(outside.port).send(frame("/cut"), TRACE)
    assert raised.value.processed is Processed.MAYBE


async def test_an_answer_that_the_bus_would_not_take_is_given_up(outside, to):
    await outside.start()
    with pytest.raises(HandlerFailed, match="more than 1000000 bytes"):
        await to(outside.port).send(frame("/large"), TRACE)


@pytest.mark.parametrize("headers", [[("x-a", "1\r\nx-b: 2")], [("x-a", "\u20ac")], [("x a", "1")]])
async def test_what_http_cannot_carry_is_sent_to_nobody(outside, to, headers):
    await outside.start()
    with pytest.raises(Undecodable):
        await to(outside.port).send(frame(headers=headers), TRACE)
    assert outside.asked == []


class TestTls:
    @pytest.fixture
    def files(self, tmp_path):
        """An authority, and the files that name it."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        mine = authority.issue_cert("mesh.example")
        mine.cert_chain_pems[0].write_to_path(tmp_path / "mine.pem")
        mine.private_key_pem.write_to_path(tmp_path / "mine.key")
        return authority, tmp_path

    @staticmethod
    def server(authority, *names, wants=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        if wants:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    async def test_a_service_with_the_right_name_is_called(self, outside, to, files):
        authority, folder = files
        await outside.start(self.server(authority, "api.example.com"))
        answer = await to(outside.port, ClientTls(authorities=str(folder / "ca.pem"))).send(frame(), TRACE)
        assert answer.status == 200

    @pytest.mark.parametrize(
        ("name", "names", "sni"),
        [
            ("other.example", (), ""),
            ("api.example.com", ("other.example",), ""),
            ("api.example.com", (), "other.example"),
        ],
    )
    async def test_one_with_another_name_is_sent_nothing(self, outside, to, files, name, names, sni):
        authority, folder = files
        await outside.start(self.server(authority, name))
        tls = ClientTls(authorities=str(folder / "ca.pem"), names=names, sni=sni)
        with pytest.raises(Unreachable, match="certificate"):
            await to(outside.port, tls).send(frame(), TRACE)
        assert outside.asked == []

    @pytest.mark.parametrize(("names", "sni"), [(("other.example", "x"), ""), ((), "other.example")])
    async def test_the_names_that_are_expected_may_be_others_than_the_hosts(self, outside, to, files, names, sni):
        authority, folder = files
        await outside.start(self.server(authority, "other.example"))
        tls = ClientTls(authorities=str(folder / "ca.pem"), names=names, sni=sni)
        assert (await to(outside.port, tls).send(frame(), TRACE)).status == 200

    async def test_an_authority_that_is_not_believed_is_not_asked_for_more(self, outside, to, files):
        authority, _ = files
        await outside.start(self.server(authority, "api.example.com"))
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await to(outside.port, ClientTls()).send(frame(), TRACE)

    async def test_our_certificate_is_shown_where_it_is_named(self, outside, to, files):
        authority, folder = files
        await outside.start(self.server(authority, "api.example.com", wants=True))
        ca, mine, key = (str(folder / name) for name in ("ca.pem", "mine.pem", "mine.key"))
        assert (await to(outside.port, ClientTls(mine, key, ca)).send(frame(), TRACE)).status == 200
        with pytest.raises((Broken, Unreachable)):
            await to(outside.port, ClientTls(authorities=ca)).send(frame(), TRACE)

    async def test_a_file_that_is_not_there_is_an_error_at_once(self, to, files):
        with pytest.raises(OSError, match="No such file"):
            to(1, ClientTls(authorities=str(files[1] / "none.pem")))
