"""Real servers without Redis: what a client of each sees of a write in another process, of a cut, of a login's end."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from tests.support.client import follow
from tests.support.eventstream import Decoder
from tests.support.kinds import EVERY_KIND
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

POSITION = re.compile(r'data-position="([0-9.]+)"')
PROMISED_SECONDS = 5.0  # for a write in another process, with the default sweep interval


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn; both must behave the same."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.mark.parametrize("program", ["daphne", "uvicorn"])
async def test_another_process_is_heard_within_five_seconds(
    program: str, site: Site, user: Person, other: Person
) -> None:
    """What a shell writes appears at its user within 5 s, through the sweeper, and at nobody else."""
    server: Server = await asyncio.to_thread(getattr(site, program))
    async with follow(server, user) as mine, follow(server, other) as theirs:
        before = time.monotonic()
        await site.acall("notify(user, title=title).pk", user=user.pk, title="From a shell")
        assert await mine.knows("From a shell") - before < PROMISED_SECONDS
        assert mine.replica.unread == 1
        await theirs.next("ping")
        assert not theirs.changes
        assert not theirs.journal.mentions("From a shell")
        await mine.equals_database(site, user.pk)
        await theirs.equals_database(site, other.pk)


async def test_a_request_is_heard_at_once(live: Server, site: Site, user: Person, other: Person) -> None:
    """What one device does shows on the user's other devices by the doorbell, long before the next sweep."""
    pk = await site.acall("notify(user, title='One').pk; notify(user, title='Two').pk", user=user.pk)
    async with Visit(live.url) as visit:
        await visit.login(user)
        async with (
            follow(live, user, cookie=visit.cookie) as here,
            follow(live, user) as there,
            follow(live, other) as theirs,
        ):
            before = time.monotonic()
            answer = await visit.do(f"/notifications/{pk}/read/")
            for client in (here, there):
                await client.until(lambda client: client.replica.unread == 1)
                assert client.replica.position == answer["position"]
                assert client.changes[0].at - before < 1
            answer = await visit.do("/notifications/read-all/")
            for client in (here, there):
                await client.until(lambda client: client.replica.position == answer["position"])
                await client.equals_database(site, user.pk)
                assert len(client.changes) == 2
            await theirs.next("ping")
            assert not theirs.changes


async def test_a_cut_connection_catches_up_exactly(server: Server, site: Site, user: Person, other: Person) -> None:
    """Every kind of change made while the line is cut arrives once it is back, each once, after the client's position."""
    async with Proxy(server.port) as proxy, follow(proxy.url, user) as mine, follow(server, other) as theirs:
        await site.acall("notify(user, title='before').pk", user=user.pk)
        await mine.knows("before")
        proxy.accepts = False
        proxy.cut()
        await mine.next("end")
        modseq = await site.acall(EVERY_KIND, user=user.pk)
        proxy.accepts = True
        await mine.until(lambda client: client.replica.modseq == modseq)
        hello = mine.all("hello")[-1]
        # a deletion raises the floor, so this one is a reset; without it the log continues
        assert hello.data["mode"] == "reset"
        await mine.equals_database(site, user.pk)

        proxy.cut()
        await mine.next("end")
        modseq = await site.acall("notify(user, title='a').modseq; notify(user, title='b').modseq", user=user.pk)
        await mine.until(lambda client: client.replica.modseq == modseq)
        assert mine.all("hello")[-1].data["mode"] == "resume"
        assert mine.all("hello")[-1].position == hello.position.partition(".")[0] + f".{modseq - 2}"
        await mine.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes


async def test_a_page_continues_from_its_own_position(server: Server, site: Site, user: Person, other: Person) -> None:
    """What happens between the rendering of a page and its stream arrives as one change, without a snapshot."""
    async with Visit(server.url) as visit, follow(server, other) as theirs:
        await visit.login(user)
        position = POSITION.findall((await visit.http.get("/")).text)[0]
        await site.acall("notify(user, title='In between').pk", user=user.pk)
        async with follow(server, user, cookie=visit.cookie, since=position) as mine:
            await mine.knows("In between")
            assert [entry.event for entry in mine.journal.entries][:3] == ["open", "hello", "change"]
            assert mine.all("hello")[0].position == position
            await mine.equals_database(site, user.pk)
        assert not theirs.changes


async def test_every_kind_of_change_arrives_live(server: Server, site: Site, user: Person, other: Person) -> None:
    """An open stream follows all that can happen to an inbox and ends up as the database is."""
    async with follow(server, user) as mine, follow(server, other) as theirs:
        modseq = await site.acall(EVERY_KIND, user=user.pk)
        await mine.until(lambda client: client.replica.modseq == modseq)
        await mine.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes


async def test_a_vanished_peer_is_noticed_and_survived(server: Server, site: Site, user: Person, other: Person) -> None:
    """A line that goes dead without a FIN is left after the client's patience, and nothing is missed."""
    async with (
        Proxy(server.port) as proxy,
        follow(proxy.url, user, silence_seconds=3.0) as mine,
        follow(server, other) as theirs,
    ):
        proxy.pause()
        await site.acall("notify(user, title='unheard').pk", user=user.pk)
        await mine.until(lambda client: client.all("end"))
        assert mine.all("end")[0].data == "silence"
        proxy.resume()
        await mine.knows("unheard")
        await mine.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes


async def test_logging_out_ends_the_stream(server: Server, user: Person, other: Person) -> None:
    """`bye auth` comes within a ping of the logout, and only to who has logged out; coming back is refused."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        cookie = visit.cookie
        async with follow(server, user, cookie=cookie) as mine, follow(server, other) as theirs:
            await visit.logout()
            await mine.until(lambda client: client.all("bye"))
            assert mine.all("bye")[0].data == {"reason": "auth"}
            await theirs.next("ping")
            assert not theirs.all("bye")
            answer = await visit.http.get("/notifications/stream/", headers={"Cookie": cookie})
            assert answer.status_code == 403


@pytest.mark.parametrize("since", ["", "1", "1.2.3", "-1.5", "1e3.4", "x" * 3000, "%00", "１.２"])
async def test_a_malformed_position_is_a_reset(live: Server, user: Person, since: str) -> None:
    """Whatever stands in `since`, the answer is a stream that begins with a snapshot."""
    async with Visit(live.url) as visit:
        await visit.login(user)
        async with visit.http.stream("GET", "/notifications/stream/", params={"since": since}) as answer:
            assert answer.status_code == 200
            decoder = Decoder()
            names: list[str] = []
            async for piece in answer.aiter_bytes():
                names += [event.name for event in decoder.feed(piece)]
                if len(names) >= 2:
                    break
            assert names == ["hello", "reset"]


async def test_anonymous_and_other_methods_are_refused(server: Server, user: Person) -> None:
    """403 without a session, 405 for anything but GET, and the pages lead to the login."""
    async with Visit(server.url) as visit:
        assert (await visit.http.get("/notifications/stream/")).status_code == 403
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
            answer = await visit.http.request(method, "/notifications/stream/")
            assert answer.status_code == 405
            assert answer.headers["allow"] == "GET"
        answer = await visit.http.get("/notifications/")
        assert answer.status_code == 302
        assert answer.headers["location"] == "/accounts/login/?next=/notifications/"
