"""Several processes over a real Redis: the doorbell reaches them all at once, and where it cannot the sweeper does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from tests.support.client import Client, follow
from tests.support.kinds import EVERY_KIND
from tests.support.redis import Redis
from tests.support.servers import Person, Server, Site
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE_SECONDS = 12.0  # milliseconds as a rule, on a busy machine seconds; the sweepers sleep for an hour
ASLEEP_SECONDS = 3600.0
REJOIN_SECONDS = 45.0  # 6 s as a rule; on a busy machine it takes a second attempt
SWEEP_SECONDS = 1.0  # of the servers that outlive their Redis
WORKERS = 2


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis that connects this module's servers."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="module")
def site(blank: Path, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose processes ring each other, and whose sweepers come too late to be of help."""
    settings = {"NOTIFICATIONS_PING_SECONDS": 0.5, "NOTIFICATIONS_SWEEP_SECONDS": ASLEEP_SECONDS}
    with Site(tmp_path_factory.mktemp("site"), blank=blank, redis_url=redis.url, settings=settings) as site:
        yield site


@pytest.fixture(scope="module")
def daphne(site: Site) -> Server:
    """One Daphne process."""
    return site.daphne()


@pytest.fixture(scope="module")
def uvicorn(site: Site) -> Server:
    """A uvicorn supervisor with two workers."""
    return site.uvicorn(workers=WORKERS)


async def test_servers_hear_each_other_at_once(
    daphne: Server, uvicorn: Server, site: Site, user: Person, other: Person
) -> None:
    """What happens in one process shows at the clients of every other one, whichever server it is, and only there."""
    async with AsyncExitStack() as stack:
        visit = await stack.enter_async_context(Visit(daphne.url))
        await visit.login(user)
        # connections go to uvicorn's workers by chance, so some more of them
        everywhere = [daphne, uvicorn, uvicorn, uvicorn, uvicorn]
        mine = [await stack.enter_async_context(follow(each, user, cookie=visit.cookie)) for each in everywhere]
        theirs = [await stack.enter_async_context(follow(each, other)) for each in (daphne, uvicorn)]

        before = time.monotonic()
        pk = await site.acall("notify(user, title='From a shell').pk", user=user.pk)
        for client in mine:
            assert await client.knows("From a shell") - before < AT_ONCE_SECONDS

        before = time.monotonic()
        position = (await visit.do(f"/notifications/{pk}/read/"))["position"]  # by Daphne
        visit.http.base_url = uvicorn.url
        await stands_at(mine, position, before)

        before = time.monotonic()
        position = (await visit.do(f"/notifications/{pk}/unread/"))["position"]  # by a worker of uvicorn
        await stands_at(mine, position, before)

        for client in mine:
            await client.equals_database(site, user.pk)
        for client in theirs:
            await client.next("ping")
            assert not client.changes
            assert not client.journal.mentions("From a shell")


async def stands_at(clients: list[Client], position: str, since: float) -> None:
    """Wait until every client stands at a position, which each must have reached at once."""
    for client in clients:
        await client.until(lambda client: client.replica.position == position)
        assert client.changes[-1].at - since < AT_ONCE_SECONDS, client.story


async def test_every_kind_of_change_arrives_by_the_doorbell(
    daphne: Server, uvicorn: Server, site: Site, user: Person, other: Person
) -> None:
    """Open streams follow all that can happen to an inbox, without the log being asked, and end up as the database is."""
    async with (
        follow(daphne, user) as here,
        follow(uvicorn, user) as there,
        follow(daphne, other) as theirs,
    ):
        modseq = await site.acall(EVERY_KIND, user=user.pk)
        for client in (here, there):
            await client.until(lambda client: client.replica.modseq == modseq)
            await client.equals_database(site, user.pk)
            assert len(client.changes) == modseq - client.changes[0].data["prev"]  # a frame for each, none twice
        await theirs.next("ping")
        assert not theirs.changes


FORGE = """
import json
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from notifications.models import Inbox
inbox = Inbox.objects.get(user=user)
row = {"id": 1, "modseq": inbox.modseq + 1, "title": "Forged", "category": "general", "level": "info", "data": {}}
data = {"prev": inbox.modseq, "modseq": inbox.modseq + 1, "upsert": [row], "gone": [], "unread": 7, "unseen": 7}
change = {"user": str(user), "epoch": inbox.epoch, "prev": inbox.modseq, "modseq": inbox.modseq + 1}
change |= {"data": json.dumps(data), "committed_at": 0.5, "topic": ""}
async_to_sync(get_channel_layer().group_send)("notifications", {"type": "notifications.changes", "changes": [change]})
"""


async def test_who_reaches_redis_cannot_put_anything_into_a_page(
    daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """A doorbell that the site did not seal reaches nobody; once it showed what the database never held."""
    await site.acall("notify(user, title='Before').pk", user=user.pk)
    async with follow(daphne, user) as mine, follow(daphne, other) as theirs:
        await site.acall(FORGE, user=user.pk)
        await site.acall("notify(user, title='True').pk", user=user.pk)
        await mine.knows("True")
        assert "Forged" not in mine.titles
        await mine.equals_database(site, user.pk)
        assert not theirs.changes


WITHOUT_CONTENT = """
from django.test import override_settings
from notifications.log.doorbell import ringer
with override_settings(NOTIFICATIONS_RING_CONTENT=False):
    pk = notify(user, title="Only in the database").pk
    assert ringer.flush(10)
pk
"""


async def test_redis_need_not_carry_content(
    daphne: Server, redis: Redis, site: Site, user: Person, other: Person
) -> None:
    """Rung without content, a change is read from the log at once, and who listens at Redis sees numbers alone."""
    listener = RedisPubSubChannelLayer(hosts=[redis.url])
    channel = await listener.new_channel()
    await listener.group_add("notifications", channel)
    async with follow(daphne, user) as mine, follow(daphne, other) as theirs:
        await site.acall(WITHOUT_CONTENT, user=user.pk)
        await mine.knows("Only in the database")
        assert not theirs.changes
    async with asyncio.timeout(10):
        while (message := await listener.receive(channel))["type"] != "notifications.changes":
            pass
    assert message["changes"][0]["user"] == str(user.pk)
    assert "Only" not in str(message)
    await listener.flush()


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis that a test may kill, for itself alone."""
    with Redis(tmp_path) as redis:
        yield redis


@pytest.fixture
def mortal_site(blank: Path, mortal_redis: Redis, tmp_path: Path) -> Iterator[Site]:
    """A site on that Redis, whose processes soon notice when they hear nothing any more."""
    settings = {"NOTIFICATIONS_PING_SECONDS": 0.5, "NOTIFICATIONS_REJOIN_SECONDS": 0.5}
    with Site(tmp_path, blank=blank, redis_url=mortal_redis.url, settings=settings, may_log_errors=True) as site:
        yield site


async def test_a_killed_redis_leaves_it_to_the_sweeper(mortal_redis: Redis, mortal_site: Site) -> None:
    """Without Redis a write stands, and arrives everywhere by the sweeper."""
    user, other = mortal_site.add_person("user"), mortal_site.add_person("other")
    settings: dict[str, Any] = {"NOTIFICATIONS_SWEEP_SECONDS": SWEEP_SECONDS}
    async with AsyncExitStack() as stack:
        servers = [mortal_site.daphne(**settings), mortal_site.uvicorn(**settings)]
        mine = [await stack.enter_async_context(follow(each, user)) for each in servers]
        theirs = [await stack.enter_async_context(follow(each, other)) for each in servers]
        mortal_redis.kill()
        before = time.monotonic()
        await mortal_site.acall("notify(user, title='Without Redis').pk", user=user.pk)
        for client in mine:
            assert await client.knows("Without Redis") - before < SWEEP_SECONDS + 1
            await client.equals_database(mortal_site, user.pk)
        for client in theirs:
            await client.next("ping")
            assert not client.changes


async def test_a_restarted_redis_is_heard_again(mortal_redis: Redis, mortal_site: Site) -> None:
    """Once Redis is back, what was missed arrives with the joining, and what follows at once, long before a sweep."""
    user, other = mortal_site.add_person("user"), mortal_site.add_person("other")
    server = mortal_site.daphne(NOTIFICATIONS_SWEEP_SECONDS=ASLEEP_SECONDS)
    async with follow(server, user) as mine, follow(server, other) as theirs:
        mortal_redis.kill()
        await mortal_site.acall("notify(user, title='Without Redis').pk", user=user.pk)
        # only then: were it back within milliseconds, nobody would have noticed, and the sweeper would have to deliver
        await asyncio.to_thread(server.process.wait_for_line, "_listen failed", seconds=REJOIN_SECONDS)
        mortal_redis.start()
        await mine.knows("Without Redis", seconds=REJOIN_SECONDS)
        before = time.monotonic()
        await mortal_site.acall("notify(user, title='With the new one').pk", user=user.pk)
        assert await mine.knows("With the new one") - before < AT_ONCE_SECONDS
        await mine.equals_database(mortal_site, user.pk)
        await theirs.next("ping")
        assert not theirs.changes
