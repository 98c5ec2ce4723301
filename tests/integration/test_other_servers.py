"""gunicorn, granian and hypercorn with the guide's commands: the promises hold there as on Daphne and uvicorn."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.behind import arrive_at_once, behind_proxy, streams_become, streams_of
from tests.support.client import PATH, follow
from tests.support.fronts import certify
from tests.support.lineup import TLS_OPTIONS, start
from tests.support.proxy import Proxy
from tests.support.secure import follow_securely
from tests.support.servers import Person, Server, Site
from tests.support.socket_client import follow_socket
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVERS: Final = ("gunicorn", "granian", "hypercorn")
SEND_TIMEOUT_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 10.0
FLOOD_SECONDS: Final = 30.0
REQUESTS: Final = 12  # after which a worker recycles
LOG_IN: Final = """
from tests.support.asgi import log_in
"sessionid=" + log_in(User.objects.get(pk=user))
"""
STOP_SECONDS: Final = 10.0  # what the guide's commands grant
# 1 kB for each row, in steps that streams get as they are; more than the kernel takes for who does not read: 4 MiB
FLOOD: Final = """
for _ in range(50):
    Notification.objects.bulk_create([Notification(recipient_id=user, title="x", body="x" * 700) for _ in range(20)])
Inbox.objects.get(pk=user).modseq
"""


@pytest.fixture(scope="module")
def site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site over Redis whose sweepers come too late to be of help."""
    with behind_proxy(tmp_path_factory.mktemp("others"), blank) as site:
        yield site


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, site: Site) -> Server:
    """Each server in turn, soon out of patience with a reader."""
    return start(site, request.param, NOTIFICATIONS_SEND_TIMEOUT_SECONDS=SEND_TIMEOUT_SECONDS)


def is_broken(line: socket.socket) -> bool:
    """Return whether the other side has dropped a connection."""
    poll = select.poll()
    poll.register(line, 0)  # broken lines are told in any case
    return bool(poll.poll(0))


async def test_a_socket_and_a_stream_hear_each_other(server: Server, site: Site, user: Person, other: Person) -> None:
    """What one sends over WebSocket the other hears at once; an alien page is refused; who leaves is noticed."""
    pk = await site.acall("notify(user, title='One').pk", user=user.pk)
    async with (
        follow(server, user) as stream,
        follow_socket(server, user) as mine,
        follow_socket(server, other) as theirs,
    ):
        assert await streams_of(server.port) == 3
        assert (await mine.ask(do="read", ids=[pk]))["data"]["changed"] == 1
        for client in (stream, mine):
            await client.until(lambda client: client.replica.unread == 0)
            await client.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"Cookie": stream.cookie, "Origin": "https://elsewhere.example"}
            assert (await http.get(f"{server.url}{PATH}", headers=headers)).status_code == 403
    await streams_become([server.port], 0)


async def test_a_logout_ends_a_socket(server: Server, user: Person) -> None:
    """It is told so, also by granian, whose every write to a WebSocket waits and which cannot close while it receives."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        async with follow_socket(server, user, cookie=visit.cookie) as client:
            await visit.logout()
            await client.until(lambda client: client.close_code)  # type: ignore[attr-defined]
            assert [entry.data for entry in client.all("bye")] == [{"reason": "auth"}], client.story
            assert client.close_code == 3000


@pytest.mark.parametrize("name", ["gunicorn", "uvicorn"])
async def test_a_worker_that_recycles_lets_its_streams_go(name: str, site: Site, user: Person, other: Person) -> None:
    """After so many requests it listens no more, without a signal: streams move on at once, and the next one answers.

    It waited for its streams, which live for minutes; the master killed it in the end, and nobody answered meanwhile.
    """
    most = str(REQUESTS)
    server = (
        start(site, name, "--max-requests", most)
        if name == "gunicorn"
        else site.uvicorn("--limit-max-requests", most, port=0)
    )
    cookies = [await site.acall(LOG_IN, user=each.pk) for each in (user, other)]
    async with follow(server, user, cookie=cookies[0]) as mine, follow(server, other, cookie=cookies[1]) as theirs:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            for _ in range(REQUESTS):
                with suppress(httpx.TransportError):  # it listens no more
                    await http.get("/notifications/health/")
        for client in (mine, theirs):
            await client.until(lambda client: client.all("bye"), seconds=LEAVE_SECONDS)
            assert client.all("bye")[0].data == {"reason": "drain"}
        if name == "uvicorn":
            assert await asyncio.to_thread(server.process.wait, seconds=LEAVE_SECONDS) == 0
        else:
            await mine.until(lambda client: len(client.all("hello")) > 1, seconds=LEAVE_SECONDS)
            assert not mine.changes
            assert not theirs.changes


async def test_a_frozen_reader_is_let_go(server: Server, site: Site, user: Person, other: Person) -> None:
    """Who reads no more is forgotten after the time-out; who reads misses nothing."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        cookie = visit.cookie
    async with follow(server, user, cookie=cookie) as mine, follow(server, other) as theirs:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", server.port))
            line.sendall(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
            await streams_become([server.port], 3)
            async with asyncio.timeout(FLOOD_SECONDS):
                while await streams_of(server.port) == 3:
                    await site.acall(FLOOD, user=user.pk)
            if server.process.name.startswith("granian"):  # it keeps the connection until the client closes it
                assert not is_broken(line)
            else:
                async with asyncio.timeout(LEAVE_SECONDS):
                    while not is_broken(line):
                        await streams_of(server.port)
        await mine.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes


async def test_sigterm_drains(request: pytest.FixtureRequest, server: Server, site: Site, user: Person) -> None:
    """Asked to end, it says `bye drain` to streams and sockets and ends in time; they go on elsewhere, without a gap.

    But granian drops what serves a WebSocket in the moment of the signal, and its goodbye may be lost.
    """
    name = request.node.callspec.params["server"]
    leaving = await asyncio.to_thread(start, site, name)
    async with Proxy(leaving.port) as proxy, Visit(server.url) as visit:
        await visit.login(user)
        async with (
            follow(proxy.url, user, cookie=visit.cookie) as stream,
            follow_socket(proxy.url, user, cookie=visit.cookie) as mine,
        ):
            await site.acall("notify(user, title='Before').pk", user=user.pk)
            await mine.knows("Before")
            proxy.target_port = server.port
            code = await asyncio.to_thread(leaving.process.stop, seconds=STOP_SECONDS)
            await site.acall("notify(user, title='After').pk", user=user.pk)
            for client in (stream, mine):
                await client.equals_database(site, user.pk)
                if name != "granian" or client is stream:
                    assert [entry.data for entry in client.all("bye")] == [{"reason": "drain"}], client.story
                assert [entry.data["mode"] for entry in client.all("hello")] == ["reset", "resume"], client.story
        assert code == 0, leaving.process.tail


@pytest.mark.parametrize("name", TLS_OPTIONS)
async def test_http2_needs_no_proxy(name: str, site: Site, user: Person, other: Person, tmp_path: Path) -> None:
    """Granian and hypercorn speak TLS and HTTP/2 themselves; streams live there beside those of HTTP/1.1."""
    certify(tmp_path)
    server = await asyncio.to_thread(start, site, name, certificate=tmp_path)
    url = server.url.replace("http", "https")
    async with follow_securely(url, other) as theirs, follow_securely(url, user) as first:
        async with follow_securely(url, user, http2=True, cookie=first.cookie) as second:
            assert second.all("open")[0].data["protocol"] == "HTTP/2"
            await arrive_at_once(site, user, first, second)
        await theirs.next("ping")
        assert not theirs.changes
    server.process.kill()
