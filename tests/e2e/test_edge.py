"""Pushpin holds the streams, Django only says who may and what was missed; whatever breaks, clients miss nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.client import Client, follow
from tests.support.follower import Follower
from tests.support.kinds import EVERY_KIND
from tests.support.pushpin import Pushpin
from tests.support.servers import Person, Server, Site
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAM = "/notifications/stream/"
LINK_SECONDS = 2.0  # of the tests in which the proxy has to ask by itself
NEVER_SECONDS = 3600.0
AT_ONCE_SECONDS = 3.0
RETRY_SECONDS = 30.0  # the proxy's own pauses, when it cannot reach Django
# A write whose announcement is lost on the way to the proxy.
UNHEARD = "from notifications import doorbell\ndoorbell.others.clear()\nnotify(user, title=title).pk"


@pytest.fixture
def pushpin() -> Iterator[Pushpin]:
    """A Pushpin for one test, which its server must start."""
    with Pushpin() as pushpin:
        yield pushpin


@pytest.fixture
def site(pushpin: Pushpin, blank: Path, tmp_path: Path) -> Iterator[Site]:
    """A site that publishes to it. Its hub would deliver nothing in time: it sweeps once an hour."""
    settings = {
        "NOTIFICATIONS_GRIP_URL": pushpin.grip_url(),
        "NOTIFICATIONS_PING_SECONDS": 1.0,
        "NOTIFICATIONS_SWEEP_SECONDS": NEVER_SECONDS,
    }
    with Site(tmp_path, blank=blank, settings=settings) as site:
        yield site


def served(site: Site, pushpin: Pushpin, program: str = "uvicorn", *, link_seconds: float = NEVER_SECONDS) -> Server:
    """Start a server, and the proxy in front of it."""
    server: Server = getattr(site, program)(NOTIFICATIONS_GRIP_LINK_SECONDS=link_seconds)
    pushpin.start(server.port)
    return server


@pytest.mark.parametrize("program", ["daphne", "uvicorn"])
async def test_every_change_comes_through_the_edge(site: Site, pushpin: Pushpin, program: str) -> None:
    """What another process writes arrives at once, every kind of change, each once; Django holds no connection."""
    server = served(site, pushpin, program)
    user, other = site.add_person("user"), site.add_person("other")
    async with follow(pushpin.url, user) as mine, follow(pushpin.url, other) as theirs:
        before = time.monotonic()
        await site.acall("notify(user, title='Through the edge').pk", user=user.pk)
        assert await mine.knows("Through the edge") - before < AT_ONCE_SECONDS
        modseq = await site.acall(EVERY_KIND, user=user.pk)
        await mine.until(lambda client: client.replica.modseq >= modseq)
        await mine.equals_database(site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            assert (await http.get("/notifications/health/")).json()["streams"] == 0


async def test_a_lost_publish_is_asked_for(site: Site, pushpin: Pushpin) -> None:
    """One that is lost is noticed by the next one's previous id; the last one by the proxy's own question."""
    served(site, pushpin, link_seconds=LINK_SECONDS)
    user = site.add_person("user")
    deaf = site.shell()
    async with follow(pushpin.url, user) as mine:
        await site.acall("notify(user, title='One').pk", user=user.pk)
        await mine.knows("One")
        await asyncio.to_thread(deaf.call, UNHEARD, user=user.pk, title="Two, unheard")
        await site.acall("notify(user, title='Three').pk", user=user.pk)
        await mine.knows("Three")
        assert "Two, unheard" in mine.titles
        await asyncio.to_thread(deaf.call, UNHEARD, user=user.pk, title="Four, unheard")
        await mine.knows("Four, unheard")
        await mine.equals_database(site, user.pk)
        assert mine.connections == 1


async def test_a_change_without_content_is_asked_for_at_once(site: Site, pushpin: Pushpin) -> None:
    """A change of more rows than a doorbell tells is a hint, and comes from the log."""
    served(site, pushpin)
    user = site.add_person("user")
    await site.acall("[notify(user, title=str(number)).pk for number in range(60)]", user=user.pk)
    async with follow(pushpin.url, user) as mine:
        await site.acall("Notification.objects.for_user(user).mark_read()", user=user.pk)
        await mine.until(lambda client: client.replica.unread == 0)
        await mine.equals_database(site, user.pk)
        await site.acall("notify(user, title='Afterwards').pk", user=user.pk)
        await mine.knows("Afterwards")
        assert mine.connections == 1


async def test_a_killed_pushpin_costs_a_reconnection(site: Site, pushpin: Pushpin) -> None:
    """Killed and restarted with nothing remembered, it is given each client's own position; nothing is missing."""
    served(site, pushpin)
    user = site.add_person("user")
    async with follow(pushpin.url, user) as mine:
        await site.acall("notify(user, title='Before').pk", user=user.pk)
        await mine.knows("Before")
        await asyncio.to_thread(pushpin.kill)
        modseq = await site.acall(EVERY_KIND, user=user.pk)
        await asyncio.to_thread(pushpin.start, pushpin.backend_port)
        await mine.until(lambda client: client.replica.modseq >= modseq)
        await site.acall("notify(user, title='After').pk", user=user.pk)
        await mine.knows("After")
        await mine.equals_database(site, user.pk)


async def test_clients_outlive_a_restart_of_django(site: Site, pushpin: Pushpin) -> None:
    """While no Django runs, lines stay open and writes of other processes arrive; what was lost comes once it is back."""
    server = served(site, pushpin, link_seconds=LINK_SECONDS)
    user = site.add_person("user")
    deaf = site.shell()
    async with follow(pushpin.url, user) as mine:
        await site.acall("notify(user, title='Before').pk", user=user.pk)
        await mine.knows("Before")
        server.process.kill()
        await site.acall("notify(user, title='Meanwhile').pk", user=user.pk)
        await mine.knows("Meanwhile")
        await asyncio.to_thread(deaf.call, UNHEARD, user=user.pk, title="Unheard")
        again = site.uvicorn(port=server.port, NOTIFICATIONS_GRIP_LINK_SECONDS=LINK_SECONDS)
        assert again.port == server.port
        await mine.knows("Unheard", seconds=RETRY_SECONDS)
        await mine.equals_database(site, user.pk)
        assert mine.connections == 1


async def test_a_logout_ends_what_the_edge_holds(site: Site, pushpin: Pushpin) -> None:
    """The session's connections end at once with `bye auth`; those of other sessions and users go on."""
    served(site, pushpin)
    user, other = site.add_person("user"), site.add_person("other")
    async with Visit(pushpin.url) as visit:
        await visit.login(user)
        async with (
            follow(pushpin.url, user, cookie=visit.cookie) as here,
            follow(pushpin.url, user) as there,
            follow(pushpin.url, other) as theirs,
        ):
            await visit.logout()
            await ended(here)
            for client in (there, theirs):
                await client.next("ping")
                assert not client.all("bye")


@pytest.mark.parametrize("change", ["is_active=False", "password='another'"])
async def test_who_may_not_any_more_is_ended_by_the_next_question(site: Site, pushpin: Pushpin, change: str) -> None:
    """Who was deactivated, or has another password, is ended within NOTIFICATIONS_GRIP_LINK_SECONDS."""
    served(site, pushpin, link_seconds=LINK_SECONDS)
    user = site.add_person("user")
    async with follow(pushpin.url, user) as mine:
        await site.acall(f"User.objects.filter(pk=user).update({change})", user=user.pk)
        await ended(mine)


async def ended(client: Client) -> None:
    """Wait for `bye auth`, after which the client does not come back."""
    await client.until(lambda client: client.all("bye"))
    assert client.all("bye")[0].data == {"reason": "auth"}


async def test_only_the_proxy_is_taken_for_it(site: Site, pushpin: Pushpin) -> None:
    """Without its signature there are no instructions, and the address of a next link opens nothing."""
    server = served(site, pushpin, link_seconds=LINK_SECONDS)
    user = site.add_person("user")
    async with Visit(server.url) as visit:
        await visit.login(user)
        for signature in ({}, {"Grip-Sig": "x"}, {"Grip-Sig": "e30.e30.e30"}):
            headers = {**signature, "Grip-Last": "notifications-user-1; last-id=1.1"}
            async with visit.http.stream("GET", STREAM, headers=headers) as answer:
                assert answer.status_code == 200
                assert not [name for name in answer.headers if name.startswith("grip-")]
    async with Follower(pushpin.url + STREAM, cookie=visit.cookie) as mine:
        await mine.until(lambda mine: mine.named("reset"))
    link = await site.acall(
        "from notifications import edge\nfrom django.contrib.sessions.models import Session\n"
        "edge.token_of(Session.objects.order_by('-expire_date')[0].session_key)"
    )
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        assert (await http.get(STREAM, params={"grip": link})).status_code == 403


async def test_nobody_follows_without_a_login(site: Site, pushpin: Pushpin) -> None:
    """Through the edge as well, who is not logged in gets 403, and a page of another site too."""
    served(site, pushpin)
    async with httpx.AsyncClient(base_url=pushpin.url, trust_env=False) as http:
        assert (await http.get(STREAM)).status_code == 403
        assert (await http.get(STREAM, headers={"Origin": "https://elsewhere.example"})).status_code == 403


async def test_two_people_never_share_an_answer(site: Site, pushpin: Pushpin) -> None:
    """Many connections that ask at the same time are each answered for their own user and position."""
    served(site, pushpin, link_seconds=LINK_SECONDS)
    people: list[Person] = [site.add_person("user") for _ in range(4)]
    deaf = site.shell()
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(lives(site, pushpin, deaf, person))


async def lives(site: Site, pushpin: Pushpin, deaf: object, person: Person) -> None:
    """Follow as one person on two devices, be told something unheard, and end up as the database is."""
    async with follow(pushpin.url, person) as here, follow(pushpin.url, person) as there:
        await asyncio.to_thread(deaf.call, UNHEARD, user=person.pk, title=f"For {person.username}")  # type: ignore[attr-defined]
        for client in (here, there):
            await client.knows(f"For {person.username}")
            await client.equals_database(site, person.pk)
            assert client.titles == [f"For {person.username}"]
