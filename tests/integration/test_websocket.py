"""The inbox over WebSocket, on real servers: what the stream guarantees, and what a client may send."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from typing import Final

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.client import follow
from tests.support.servers import Person, Server, Site
from tests.support.socket_client import PATH, follow_socket
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAKE_TOKEN: Final = """
from notifications import make_token
make_token(User.objects.get(pk=user), name="reports", scopes=["read"])
"""


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn; both must behave the same."""
    server: Server = request.getfixturevalue(request.param)
    return server


async def test_a_change_arrives_at_its_user_only(server: Server, site: Site, user: Person, other: Person) -> None:
    """What is written elsewhere comes over the socket as over the stream, and to nobody else."""
    async with follow_socket(server, user) as mine, follow_socket(server, other) as theirs:
        await site.acall("notify(user, title='Over the socket').pk", user=user.pk)
        await mine.knows("Over the socket")
        await mine.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes
        assert not theirs.journal.mentions("Over the socket")


async def test_a_cut_socket_resumes_where_it_stopped(server: Server, site: Site, user: Person) -> None:
    """After a cut it goes on with `?since=`; what happened meanwhile comes as changes, not as a new snapshot."""
    async with follow_socket(server, user) as client:
        await site.acall("notify(user, title='Before').pk", user=user.pk)
        await client.knows("Before")
        client.cut()
        await site.acall("notify(user, title='Meanwhile').pk", user=user.pk)
        await client.knows("Meanwhile")
        assert [hello.data["mode"] for hello in client.all("hello")][1:] == ["resume"] * (client.connections - 1)
        await client.equals_database(site, user.pk)


async def test_orders_are_carried_out_and_answered(server: Server, site: Site, user: Person, other: Person) -> None:
    """Read, unread, archive: each changes the user's own rows only, is answered by its ref, and shows on the stream."""
    pk = await site.acall("notify(user, title='Mine').pk", user=user.pk)
    foreign = await site.acall("notify(user, title='Not mine').pk", user=other.pk)
    async with follow_socket(server, user) as socket, follow(server, user) as stream:
        for verb, unread in (("read", 0), ("unread", 1), ("archive", 0)):
            answer = await socket.ask(do=verb, ids=[pk])
            assert (answer["event"], answer["data"]["changed"], answer["data"]["unread"]) == ("done", 1, unread)
            for client in (socket, stream):
                await client.until(lambda client, count=unread: client.replica.unread == count)  # type: ignore[misc]
        assert (await socket.ask(do="ping"))["event"] == "pong"
        refused = await socket.ask(do="read", ids=[foreign])
        assert (refused["event"], refused["data"]["code"]) == ("error", "not_found")
        await socket.equals_database(site, user.pk)
    assert await site.acall("Notification.objects.get(pk=pk).is_read", pk=foreign) is False


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("no json", None),
        ("[1]", "do"),
        ('{"do":"explode"}', "do"),
        ('{"do":["read"]}', "do"),
        ('{"do":"read"}', "ids"),
        ('{"do":"read","ids":[0]}', "ids"),
        ('{"do":"read","ids":[true]}', "ids"),
        ('{"do":"read","ids":"12"}', "ids"),
        ('{"do":"ping","ref":{}}', "ref"),
        (r'{"do":"ping","ref":"\ud800"}', "ref"),
        ("[" * 10_000, None),
    ],
)
async def test_nonsense_is_answered_and_changes_nothing(
    daphne: Server, user: Person, text: str, field: str | None
) -> None:
    """Whatever a client sends, it is told what is wrong, and the connection goes on."""
    async with follow_socket(daphne, user) as client:
        await client.send(text)
        await client.until(lambda client: None in client.answers)  # type: ignore[attr-defined]
        data = client.answers[None]["data"]
        assert (data["code"], data.get("field")) == ("invalid", field)
        assert (await client.ask(do="ping"))["event"] == "pong"
        assert client.connections == 1


@pytest.mark.parametrize("what", [b"bytes", "x" * 20_000])
async def test_what_is_too_long_or_no_text_ends_the_connection(server: Server, user: Person, what: str | bytes) -> None:
    """Nobody makes the server keep large messages."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        async with connect(
            server.url.replace("http", "ws") + PATH, additional_headers={"Cookie": visit.cookie}, proxy=None
        ) as socket:
            await socket.send(what)
            async with asyncio.timeout(10):
                await socket.wait_closed()
            assert socket.close_code == 4009


@pytest.mark.parametrize("headers", [{}, {"Cookie": "sessionid=nobody"}, {"Origin": "https://elsewhere.example"}])
async def test_strangers_are_refused_before_the_connection_is_accepted(
    server: Server, user: Person, headers: dict[str, str]
) -> None:
    """Who is not logged in, and a page of another origin even with the user's cookie, gets 403."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        cookie = {"Cookie": visit.cookie} if "Origin" in headers else {}
        with pytest.raises(InvalidStatus) as caught:
            await connect(
                server.url.replace("http", "ws") + PATH, additional_headers=headers | cookie, proxy=None
            ).__aenter__()
    assert caught.value.response.status_code == 403


async def test_the_pages_own_origin_is_accepted(server: Server, user: Person) -> None:
    """A browser sends `Origin` with every WebSocket; that of the site itself is let in."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        headers = {"Cookie": visit.cookie, "Origin": server.url}
        async with connect(server.url.replace("http", "ws") + PATH, additional_headers=headers, proxy=None) as socket:
            assert json.loads(await socket.recv())["event"] == "hello"


async def test_a_logout_ends_the_socket_and_its_orders(server: Server, site: Site, user: Person) -> None:
    """Within one ping after a logout the connection says `bye auth` and closes with 3000 (unauthorized)."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        async with follow_socket(server, user, cookie=visit.cookie) as client:
            await visit.logout()
            await client.until(lambda client: client.all("bye"))
            assert client.all("bye")[0].data == {"reason": "auth"}
            await client.until(lambda client: client.close_code)  # type: ignore[attr-defined]
            assert client.close_code == 3000


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_every_end_says_why(site: Site, user: Person, other: Person, kind: str) -> None:
    """One socket too many for a user or for a process, a process that goes: a `bye`, and the number of its reason."""
    limits = {"NOTIFICATIONS_STREAMS_PER_USER": 1, "NOTIFICATIONS_STREAMS_PER_PROCESS": 2}
    server = await asyncio.to_thread(lambda: getattr(site, kind)(**limits))
    third = await asyncio.to_thread(site.add_person)
    async with AsyncExitStack() as stack:

        async def opened(person: Person) -> ClientConnection:
            headers = {"Authorization": f"Bearer {await site.acall(MAKE_TOKEN, user=person.pk)}"}
            address = server.url.replace("http", "ws") + PATH
            return await stack.enter_async_context(connect(address, additional_headers=headers, proxy=None))

        first = await opened(user)
        await first.recv()
        second, theirs = await opened(user), await opened(other)
        await second.recv()
        await theirs.recv()
        assert await end_of(first) == ("cap", 4029)
        assert await end_of(await opened(third)) == ("overload", 4013)
        await asyncio.to_thread(server.process.stop)
        assert [await end_of(socket) for socket in (second, theirs)] == [("drain", 4012)] * 2


async def end_of(socket: ClientConnection) -> tuple[str, int | None]:
    """Read to the end; return what the last message gave as the reason, and the number of the close."""
    text: str | bytes = ""
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            while True:
                text = await socket.recv()
    return json.loads(text)["data"].get("reason"), socket.close_code


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_dead_peer_is_found(site: Site, user: Person, kind: str) -> None:
    """Who answers no ping of the server is dropped, though the line looks open: a phone that lost its network."""
    options = {
        "daphne": ["--ping-interval", "1", "--ping-timeout", "1"],
        "uvicorn": ["--ws-ping-interval", "1", "--ws-ping-timeout", "1"],
    }
    server = await asyncio.to_thread(lambda: getattr(site, kind)(*options[kind]))
    async with Visit(server.url) as visit:
        await visit.login(user)
        request = (
            f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {visit.cookie}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request.encode())
        assert b"101 Switching Protocols" in await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(15):
            with suppress(ConnectionResetError):  # Daphne drops it, uvicorn closes it
                await reader.read()  # to the end of the connection
        writer.close()


async def test_an_order_after_a_logout_is_not_carried_out(site: Site, user: Person) -> None:
    """Between a logout and the next ping nobody acts for the user any more."""
    server = site.uvicorn(NOTIFICATIONS_PING_SECONDS=3600.0)
    pk = await site.acall("notify(user, title='Stays unread').pk", user=user.pk)
    async with Visit(server.url) as visit:
        await visit.login(user)
        async with follow_socket(server, user, cookie=visit.cookie) as client:
            await visit.logout()
            await client.send(json.dumps({"do": "read", "ids": [pk]}))
            await client.until(lambda client: client.all("bye"))
    assert await site.acall("Notification.objects.get(pk=pk).is_read", pk=pk) is False


async def test_a_token_reads_until_it_is_revoked(server: Server, site: Site, user: Person, other: Person) -> None:
    """A program follows its user and nobody else, changes nothing, and ends within one ping after its token."""
    headers = {"Authorization": f"Bearer {await site.acall(MAKE_TOKEN, user=user.pk)}"}
    address = server.url.replace("http", "ws") + PATH
    async with asyncio.timeout(20), connect(address, additional_headers=headers, proxy=None) as socket:
        assert json.loads(await socket.recv())["event"] == "hello"
        await site.acall("notify(user, title='Secret').pk", user=other.pk)
        pk = await site.acall("notify(user, title='Mine').pk", user=user.pk)
        await socket.send(json.dumps({"do": "read", "ids": [pk]}))
        texts: list[str] = []
        while not ("Mine" in "".join(texts) and '"forbidden"' in "".join(texts)):
            texts.append(await socket.recv(decode=True))
        await site.acall(
            "from notifications import models, revoke_tokens\nrevoke_tokens(models.ApiToken.objects.all())"
        )
        await socket.send(
            json.dumps({"do": "ping", "ref": "revoked"})
        )  # what comes after its pong was sent after the end
        with suppress(ConnectionClosed):
            while True:
                texts.append(await socket.recv(decode=True))
    assert json.loads(texts[-1])["data"] == {"reason": "auth"}
    assert socket.close_code == 3000
    messages = [json.loads(text) for text in texts]
    pongs = [place for place, message in enumerate(messages) if message["event"] == "pong"]
    since = [message["event"] for message in messages[pongs[0] :]] if pongs else []
    assert since.count("ping") <= 1, texts  # within one ping
    assert "Secret" not in "".join(texts)
    with pytest.raises(InvalidStatus, match="403"):
        await connect(address, additional_headers=headers, proxy=None).__aenter__()
    assert await site.acall("Notification.objects.get(pk=pk).is_read", pk=pk) is False
