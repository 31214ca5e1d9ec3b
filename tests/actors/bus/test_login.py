"""Logins with real servers, by both transports: password, token, nkey, JWT, TLS and client certificates; refusals."""

import random

import pytest

from plait.actors.bus import lean, natspy
from plait.actors.bus.bus import BusState
from plait.actors.bus.login import Login
from plait.actors.messages.error import BusDenied, BusUnavailable
from tests.keys import Nkey, certificates, operator

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["lean-asyncio", "lean-uvloop", "natspy"])
def kind(request):
    return request.param


@pytest.fixture
def anyio_backend(kind):
    return ("asyncio", {"use_uvloop": kind == "lean-uvloop"})


@pytest.fixture
async def connect(kind):
    """Connects to a URL, and closes in the end."""
    buses = []

    async def made(url, **login):
        module = natspy if kind == "natspy" else lean
        buses.append(await module.connect(url, "test", login=Login(**login), rng=random.Random(1)))
        return buses[-1]

    yield made
    for bus in buses:
        await bus.close()


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("pem"))


async def works(bus, server, until):
    """It carries a message, and finds its way in again after the server was away."""
    got = []
    bus.subscribe(b"x", lambda *message: got.append(message))
    bus.publish(b"x", b"one")
    await until(lambda: len(got) == 1)
    first = bus.identity
    server.restart()
    await until(lambda: bus.identity != first and bus.state is BusState.CONNECTED)
    bus.publish(b"x", b"two")
    await until(lambda: len(got) == 2)


async def test_user_and_password_or_a_token_log_in_beside_the_url(connect, start_nats, until):
    users = start_nats('authorization { user: ann, password: "p@ss" }')
    await works(await connect(users.url, user="ann", password="p@ss"), users, until)
    tokens = start_nats('authorization { token: "s3cret" }')
    bus = await connect(tokens.url, token="s3cret")
    await bus.flush()
    await (await connect(users.url_for("ann:p%40ss"), token="for others")).flush()


async def test_an_nkey_logs_in_again_and_again(connect, start_nats, until, tmp_path):
    key = Nkey()
    (tmp_path / "seed").write_text(key.seed + "\n")
    server = start_nats(f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}")
    await works(await connect(server.url, nkey=str(tmp_path / "seed")), server, until)


async def test_credentials_of_an_operators_user_log_in_again_and_again(connect, start_nats, until, tmp_path):
    made = operator()
    (tmp_path / "user.creds").write_text(made.creds)
    server = start_nats(made.config)
    await works(await connect(server.url, creds=str(tmp_path / "user.creds")), server, until)


async def test_tls_goes_by_the_authority_that_is_named(connect, start_nats, until, pem):
    server = start_nats(pem.config())
    await works(await connect(server.url, ca=pem.ca), server, until)
    await (await connect(server.url.replace("nats://", "tls://"), ca=pem.ca)).flush()


async def test_a_client_certificate_is_shown_where_it_is_wanted(connect, start_nats, pem):
    server = start_nats(pem.config("verify: true"))
    bus = await connect(server.url, ca=pem.ca, cert=pem.client)
    await bus.flush()
    with pytest.raises(BusUnavailable):
        await connect(server.url, ca=pem.ca)


async def test_a_server_whose_certificate_others_vouch_for_is_refused_unless_any_will_do(
    connect, start_nats, pem, caplog
):
    server = start_nats(pem.config())
    for login in ({"ca": pem.other}, {}):
        with pytest.raises(BusDenied, match="certificate is not trusted"):
            await connect(server.url, **login)
    with pytest.raises(BusDenied, match="certificate is not trusted"):
        await connect(server.url.replace("127.0.0.1", "localhost"), ca=pem.ca)
    assert "may be anybody" not in caplog.text
    bus = await connect(server.url, insecure=True)
    await bus.flush()
    assert "may be anybody" in caplog.text


async def test_who_wants_tls_tells_nothing_to_a_server_without(connect, nats_server, pem):
    for url, login in (
        (nats_server.url.replace("nats://", "tls://"), {}),
        (nats_server.url, {"ca": pem.ca}),
        (nats_server.url, {"insecure": True}),
    ):
        with pytest.raises(BusDenied, match="offers no TLS"):
            await connect(url, **login)


async def test_who_wants_tls_gets_it_from_a_server_that_allows_both(connect, start_nats, pem):
    server = start_nats(pem.config() + "\nallow_non_tls: true")
    bus = await connect(server.url, ca=pem.ca)
    await bus.flush()
    with pytest.raises(BusDenied, match="certificate is not trusted"):
        await connect(server.url, ca=pem.other)
    await (await connect(server.url)).flush()


@pytest.mark.parametrize("how", ["password", "token", "nkey", "creds", "nothing"])
async def test_a_wrong_login_is_denied_at_once_and_its_secret_is_not_told(connect, start_nats, tmp_path, how, caplog):
    wrong, other = Nkey(), operator()
    (tmp_path / "seed").write_text(wrong.seed)
    (tmp_path / "user.creds").write_text(other.creds)
    logins = {
        "password": {"user": "ann", "password": "wr0ng"},
        "token": {"token": "wr0ng"},
        "nkey": {"nkey": str(tmp_path / "seed")},
        "creds": {"creds": str(tmp_path / "user.creds")},
        "nothing": {},
    }
    right = operator().config if how == "creds" else f"authorization {{ users: [ {{ nkey: {Nkey().public} }} ] }}"
    with pytest.raises(BusDenied, match=r"127.0.0.1.*Authorization Violation") as error:
        await connect(start_nats(right).url, **logins[how])
    told = str(error.value) + caplog.text
    assert not any(secret in told for secret in ("wr0ng", wrong.seed, other.creds.split("\n")[1]))


@pytest.mark.parametrize(
    ("login", "content", "why"),
    [
        ("nkey", None, "cannot be read: No such file"),
        ("nkey", "SUNONSENSE", "holds no nkey seed"),
        ("nkey", "account", "of something else than a user"),
        ("nkey", b"\xff\xfe", "is no text"),
        ("creds", "nothing of the kind", "holds no credentials"),
    ],
)
async def test_a_file_that_holds_no_login_is_named(connect, start_nats, tmp_path, login, content, why):
    path = tmp_path / "file"
    text = Nkey("account").seed if content == "account" else content
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    server = start_nats(f"authorization {{ users: [ {{ nkey: {Nkey().public} }} ] }}")
    with pytest.raises(BusDenied, match=why) as error:
        await connect(server.url, **{login: str(path)})
    assert str(path) in str(error.value)
    assert "NONSENSE" not in str(error.value)


async def test_pem_files_that_are_none_are_named(connect, start_nats, tmp_path, pem):
    (tmp_path / "bad.pem").write_text("nonsense")
    server = start_nats(pem.config())
    for login in ({"ca": str(tmp_path / "bad.pem")}, {"ca": pem.ca, "cert": str(tmp_path / "bad.pem")}):
        with pytest.raises(BusDenied, match=r"bad\.pem"):
            await connect(server.url, **login)


async def test_a_key_that_is_renewed_is_used_at_the_next_connection(connect, start_nats, until, tmp_path):
    old, new = Nkey(), Nkey()
    (tmp_path / "seed").write_text(old.seed)
    server = start_nats(f"authorization {{ users: [ {{ nkey: {old.public} }} ] }}")
    bus = await connect(server.url, nkey=str(tmp_path / "seed"))
    first = bus.identity
    server.extra = f"authorization {{ users: [ {{ nkey: {new.public} }} ] }}"
    server.restart()
    await until(lambda: bus.state is BusState.RECONNECTING)
    (tmp_path / "seed").write_text(new.seed)
    await until(lambda: bus.state is BusState.CONNECTED and bus.identity != first)
    await bus.flush()


def test_a_login_shows_no_secret():
    login = Login(user="ann", password="s3cret", ca="ca.pem")
    assert repr(login) == f"{login}" == "Login(user='ann', ca='ca.pem')"
    assert Login(token="s3cret").public() == Login()


@pytest.mark.parametrize(
    ("login", "why"),
    [
        (Login(user="a", nkey="b"), "one is enough"),
        (Login(password="a"), "without a user"),
        (Login(key="a"), "without its certificate"),
        (Login(user="a", password="b", ca="c", cert="d", key="e"), ""),
    ],
)
def test_a_login_says_what_does_not_go_together(login, why):
    assert why in login.problem()
    assert bool(why) == bool(login.problem())
