"""Pushpin holds the streams, Django only says who may and what was missed; whatever breaks, clients miss nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
AT_ONCE_SECONDS = 12.0  # milliseconds as a rule, on a busy machine seconds; the sweepers sleep for an hour
SILENCE_SECONDS = 5.0  # some pings long
RETRY_SECONDS = 30.0  # the proxy's own pauses, when it cannot reach Django, one after the other
# A write whose announcement is lost on the way to the proxy.
LISTED = "https://app.example.com"
SETTINGS = {"NOTIFICATIONS_PING_SECONDS": 1.0, "NOTIFICATIONS_SWEEP_SECONDS": NEVER_SECONDS}
UNHEARD = """
from notifications.log import doorbell
bells = doorbell.bells[:]
doorbell.bells.clear()
made = notify(user, title=title).pk
doorbell.bells[:] = bells
made
"""


@pytest.fixture
def pushpin() -> Iterator[Pushpin]:
    """A Pushpin for one test, which its server must start."""
    with Pushpin() as pushpin:
        yield pushpin


@pytest.fixture
def site(pushpin: Pushpin, blank: Path, tmp_path: Path) -> Iterator[Site]:
    """A site that publishes to it. Its hub would deliver nothing in time: it sweeps once an hour."""
    with Site(tmp_path, blank=blank, settings={**SETTINGS, "NOTIFICATIONS_GRIP_URL": pushpin.grip_url()}) as site:
        yield site


def served(
    site: Site, pushpin: Pushpin, program: str = "uvicorn", *, link_seconds: float = NEVER_SECONDS, **settings: Any
) -> Server:
    """Start a server, and the proxy in front of it."""
    server: Server = getattr(site, program)(NOTIFICATIONS_GRIP_LINK_SECONDS=link_seconds, **settings)
    pushpin.serve(server.port)
    return server


@dataclass(frozen=True, slots=True)
class Standing:
    """A site on Daphne behind an edge that asks by itself about new connections only; for all tests that break nothing."""

    site: Site
    pushpin: Pushpin
    server: Server


@pytest.fixture(scope="module")
def standing(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """One for the whole module. It lists another origin."""
    with Pushpin() as pushpin:
        settings = {**SETTINGS, "NOTIFICATIONS_GRIP_URL": pushpin.grip_url(), "NOTIFICATIONS_ALLOWED_ORIGINS": [LISTED]}
        with Site(tmp_path_factory.mktemp("standing"), blank=blank, settings=settings) as site:
            yield Standing(site, pushpin, served(site, pushpin, "daphne"))


async def test_every_change_comes_through_the_edge(standing: Standing) -> None:
    """What another process writes arrives at once, every kind of change, each once; Django holds no connection."""
    site, pushpin, server = standing.site, standing.pushpin, standing.server
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


async def test_a_lost_publish_is_asked_for(standing: Standing) -> None:
    """One that is lost is noticed by the next one's previous id, and comes from the log before it."""
    site, pushpin = standing.site, standing.pushpin
    user = site.add_person("user")
    async with follow(pushpin.url, user) as mine:
        await asyncio.to_thread(pushpin.wait_for_question, user.pk)
        await site.acall("notify(user, title='One').pk", user=user.pk)
        await mine.knows("One")
        await site.acall(UNHEARD, user=user.pk, title="Two, unheard")
        await site.acall("notify(user, title='Three').pk", user=user.pk)
        await mine.knows("Three")
        assert [item["title"] for change in mine.changes for item in change.data["upsert"]][1] == "Two, unheard"
        await mine.equals_database(site, user.pk)
        assert (mine.connections, len(mine.all("reset"))) == (1, 1)


async def test_a_change_without_content_is_asked_for_at_once(standing: Standing) -> None:
    """A change of more rows than a doorbell tells is a hint, and comes from the log."""
    site, pushpin = standing.site, standing.pushpin
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
    # a line that Pushpin forgets in its first moments is found by its silence, by the page's script after 45 s
    async with follow(pushpin.url, user, silence_seconds=SILENCE_SECONDS) as mine:
        await site.acall("notify(user, title='Before').pk", user=user.pk)
        await mine.knows("Before")
        await asyncio.to_thread(pushpin.kill)
        modseq = await site.acall(EVERY_KIND, user=user.pk)
        await asyncio.to_thread(pushpin.start)
        await mine.until(lambda client: client.replica.modseq >= modseq)
        await site.acall("notify(user, title='After').pk", user=user.pk)
        await mine.knows("After")
        await mine.equals_database(site, user.pk)


async def test_clients_outlive_a_restart_of_django(site: Site, pushpin: Pushpin) -> None:
    """While no Django runs, lines stay open and writes of other processes arrive; what was lost comes once it is back."""
    # Each ping is a try of the proxy's as well, when its question failed: with one a second it would soon have had all.
    server = served(site, pushpin, link_seconds=LINK_SECONDS, NOTIFICATIONS_PING_SECONDS=RETRY_SECONDS)
    user = site.add_person("user")
    async with follow(pushpin.url, user) as mine:
        await site.acall("notify(user, title='Before').pk", user=user.pk)
        await mine.knows("Before")
        server.process.kill()
        await site.acall("notify(user, title='Meanwhile').pk", user=user.pk)
        await mine.knows("Meanwhile")
        await site.acall(UNHEARD, user=user.pk, title="Unheard")
        again = site.uvicorn(port=server.port, NOTIFICATIONS_GRIP_LINK_SECONDS=LINK_SECONDS)
        assert again.port == server.port
        await mine.knows("Unheard", seconds=RETRY_SECONDS)
        await mine.equals_database(site, user.pk)
        assert mine.connections == 1


async def test_a_logout_ends_what_the_edge_holds(standing: Standing) -> None:
    """The session's connections end at once with `bye auth`, others' go on; and no log has held the session's key."""
    site, pushpin = standing.site, standing.pushpin
    user, other = site.add_person("user"), site.add_person("other")
    async with Visit(pushpin.url) as visit:
        await visit.login(user)
        async with (
            follow(pushpin.url, user, cookie=visit.cookie) as here,
            follow(pushpin.url, user) as there,
            follow(pushpin.url, other) as theirs,
        ):
            await asyncio.to_thread(pushpin.wait_for_question, user.pk, count=2)
            key = visit.http.cookies["sessionid"]
            await visit.logout()
            await ended(here)
            for client in (there, theirs):
                await client.next("ping")
                assert not client.all("bye")
    assert "#notifications-ticket=" in pushpin.log
    assert key not in pushpin.log


async def test_who_may_not_any_more_is_ended(site: Site, pushpin: Pushpin) -> None:
    """Who is deactivated is ended at once; by a query that tells nobody, within NOTIFICATIONS_GRIP_LINK_SECONDS."""
    served(site, pushpin, link_seconds=LINK_SECONDS)
    user, other = site.add_person("user"), site.add_person("other")
    async with follow(pushpin.url, user) as mine, follow(pushpin.url, other) as theirs:
        await site.acall("User.objects.filter(pk=user).update(password='another')", user=user.pk)
        await ended(mine)
        assert not theirs.all("bye")


async def test_who_is_deactivated_is_ended_at_once(standing: Standing) -> None:
    """In the admin for example: the proxy is told, and asks."""
    site, pushpin = standing.site, standing.pushpin
    user = site.add_person("user")
    async with follow(pushpin.url, user) as mine:
        await asyncio.to_thread(pushpin.wait_for_question, user.pk)
        code = "person = User.objects.get(pk=user)\nperson.is_active = False\nperson.save()"
        await site.acall(code, user=user.pk)
        await ended(mine)


async def test_a_token_is_held_until_it_is_revoked(standing: Standing) -> None:
    """A program's connection is the proxy's; within one ping after its token it ends, and gets no further one."""
    site, pushpin, server = standing.site, standing.pushpin, standing.server
    user, other = site.add_person("user"), site.add_person("other")
    code = "from notifications import make_token\n"
    code += "make_token(User.objects.get(pk=user), name='reports', scopes=['read'])"
    headers = {"Authorization": f"Bearer {await site.acall(code, user=user.pk)}"}
    async with Follower(pushpin.url + STREAM, headers=headers) as mine:
        await mine.until(lambda mine: mine.named("reset"))
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            assert (await http.get("/notifications/health/")).json()["streams"] == 0
        await site.acall("notify(user, title='Secret').pk", user=other.pk)
        await site.acall("notify(user, title='For the program').pk", user=user.pk)
        await mine.knows("For the program")
        await asyncio.to_thread(pushpin.wait_for_question, user.pk)
        await site.acall(
            "from notifications import models, revoke_tokens\nrevoke_tokens(models.ApiToken.objects.all())"
        )
        await mine.until(lambda mine: mine.named("bye"))
        assert mine.data_of("bye") == [{"reason": "auth"}]
        assert "Secret" not in str(mine.events)
    async with httpx.AsyncClient(base_url=pushpin.url, trust_env=False) as http:
        assert (await http.get(STREAM, headers=headers)).status_code == 401


async def test_a_listed_origin_reads_through_the_edge(standing: Standing) -> None:
    """Its preflight and its stream say so with the proxy in between as well; a page of another origin gets nothing."""
    site, pushpin = standing.site, standing.pushpin
    user = site.add_person("user")
    async with Visit(pushpin.url) as visit:
        await visit.login(user)
        for origin, statuses in ((LISTED, [204, 200]), ("https://elsewhere.example", [403, 403])):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            async with (
                visit.http.stream("OPTIONS", STREAM, headers=headers) as preflight,
                visit.http.stream("GET", STREAM, headers={"Origin": origin}) as stream,
            ):
                assert [answer.status_code for answer in (preflight, stream)] == statuses
                for answer in (preflight, stream):
                    allowed = answer.headers.get("Access-Control-Allow-Origin")
                    assert allowed == (LISTED if origin == LISTED else None)
                    assert not [name for name in answer.headers if name.startswith("grip-")]


async def ended(client: Client) -> None:
    """Wait for `bye auth`, after which the client does not come back."""
    await client.until(lambda client: client.all("bye"))
    assert client.all("bye")[0].data == {"reason": "auth"}


async def test_only_the_proxy_is_taken_for_it(standing: Standing) -> None:
    """Without its signature there are no instructions; and through it, what a client says in its name is not passed on."""
    site, pushpin, server = standing.site, standing.pushpin, standing.server
    user = site.add_person("user")
    async with Visit(server.url) as visit:
        await visit.login(user)
        for signature in ({}, {"Grip-Sig": "x"}, {"Grip-Sig": "e30.e30.e30"}):
            headers = {**signature, "Grip-Last": "notifications-user-1; last-id=1.1"}
            async with visit.http.stream("GET", STREAM, headers=headers) as answer:
                assert answer.status_code == 200
                assert not [name for name in answer.headers if name.startswith("grip-")]
        key = visit.http.cookies["sessionid"]
    code = "from notifications.integrations.pushpin.tickets import make_ticket\nmake_ticket(user, key)"
    stolen = await site.acall(code, user=user.pk, key=key)
    theirs = [
        ("Grip-Last", f"notifications-user-{user.pk}; last-id=1.1"),
        ("Grip-Last", f"notifications-ticket; last-id={stolen}"),
    ]
    for url in (server.url, pushpin.url):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            assert (await http.get(STREAM, headers=theirs)).status_code == 403


async def test_nobody_follows_without_a_login(standing: Standing) -> None:
    """Through the edge as well, who is not logged in gets 403, and a page of another site too."""
    async with httpx.AsyncClient(base_url=standing.pushpin.url, trust_env=False) as http:
        assert (await http.get(STREAM)).status_code == 403
        assert (await http.get(STREAM, headers={"Origin": "https://elsewhere.example"})).status_code == 403


async def test_two_logins_never_share_an_answer(site: Site, pushpin: Pushpin) -> None:
    """Many connections that are asked about together go on each as their own; a logout ends that session's alone."""
    served(site, pushpin, link_seconds=LINK_SECONDS)
    people: list[Person] = [site.add_person("user") for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(lives(site, pushpin, person))


async def lives(site: Site, pushpin: Pushpin, person: Person) -> None:
    """Follow as one person on two devices, be told something unheard, and end up as the database is; then log one out."""
    async with Visit(pushpin.url) as visit:
        await visit.login(person)
        async with follow(pushpin.url, person, cookie=visit.cookie) as here, follow(pushpin.url, person) as there:
            await site.acall(UNHEARD, user=person.pk, title=f"For {person.username}")
            for client in (here, there):
                await client.knows(f"For {person.username}")
                await client.equals_database(site, person.pk)
                assert client.titles == [f"For {person.username}"]
            await visit.logout()
            await ended(here)
            await site.acall(UNHEARD, user=person.pk, title="Afterwards")
            await there.knows("Afterwards")
            assert not there.all("bye")
