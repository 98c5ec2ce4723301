"""One reader whose log is slow, or whose inbox somebody else is just making: nobody else waits for that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.faults.trial import Trial
from tests.support.client import Client
from tests.support.postgres import Postgres
from tests.support.servers import Person, Server, Site

PARTS: Final = "PostgreSQL, uvicorn"
TIMEOUT_MS: Final = 500  # of each statement, as a site sets it to be rid of runaway ones
LOG_IN: Final = """
from tests.support.asgi import log_in
"sessionid=" + log_in(User.objects.get(pk=user))
"""
# So many changed rows, past the log and Django: what years of a busy account leave behind.
FILL: Final = """
inbox = Inbox.objects.get(pk=user)
with connection.cursor() as cursor:
    cursor.execute("SET statement_timeout = 0")
    cursor.execute(
        "INSERT INTO live_notifications_notification"
        " (recipient_id, modseq, category, level, title, body, url, actor, topic, data, created_at)"
        " SELECT %s, %s + n, '', 'info', 'of many', repeat('x', 500), '', '', '', '{}', now()"
        " FROM generate_series(1, 300000) AS n", [user, inbox.modseq])
    cursor.execute("ANALYZE live_notifications_notification")
Inbox.objects.filter(pk=user).update(modseq=inbox.modseq + 300000, unread=300000)
f"{inbox.epoch}.{inbox.modseq}"
"""
BEGIN: Final = "transaction.set_autocommit(False)\nnotify(user, title=title).pk"
COMMIT: Final = "transaction.commit()\ntransaction.set_autocommit(True)"


@pytest.fixture(scope="module")
def site(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on a PostgreSQL that ends long statements."""
    with Postgres() as postgres:
        url = f"{postgres.url}?options=-c%20statement_timeout%3D{TIMEOUT_MS}"
        with Site(tmp_path_factory.mktemp("pg"), database_url=url, settings=settings) as site:
            yield site


@pytest.fixture(scope="module")
def server(site: Site) -> Server:
    """A server of it."""
    return site.uvicorn()


async def test_a_reader_far_behind_holds_up_nobody(trial: Trial, server: Server, user: Person) -> None:
    """With 300,000 changed rows and an old position it gets its reset, and everybody else what happens, in time.

    All of them were read and numbered to find out that they are too many. PostgreSQL ended that statement, which the hub
    took for a database that is away: it tried the whole batch again, for ever.
    """
    far = trial.site.add_person("far")
    await trial.site.acall("notify(user, title='the first').pk", user=far.pk)
    since = await trial.site.acall(FILL, user=far.pk)
    cookie = await trial.site.acall(LOG_IN, user=far.pk)
    async with Client(server.url, cookie, since=since) as behind:
        await trial.follow(server)
        await trial.write()
        await trial.settle("A reader with 300,000 changed rows comes back, long statements are ended", PARTS)
        await behind.until(lambda client: client.all("reset"))
        assert behind.all("reset")[0].data["reason"] == "behind"


async def test_an_inbox_that_is_being_made_holds_up_nobody(trial: Trial, server: Server) -> None:
    """While somebody's transaction makes a user's first inbox, only that user waits: for its end, and no longer.

    The hub's one reader waited for it, and with it everybody who was to be read for.
    """
    fresh = await asyncio.to_thread(trial.site.add_person, "fresh")
    newcomer = await asyncio.to_thread(trial.site.add_person, "newcomer")
    cookies = [await trial.site.acall(LOG_IN, user=each.pk) for each in (fresh, newcomer)]
    writer = await asyncio.to_thread(trial.site.shell)
    await asyncio.to_thread(writer.call, BEGIN, user=fresh.pk, title="the first")
    async with Client(server.url, cookies[0]) as waiting, Client(server.url, cookies[1]) as other:
        await other.until(lambda client: client.all("hello"))  # it has no inbox either
        await trial.follow(server)
        await trial.write()
        await trial.settle("Somebody's transaction makes a user's first inbox, and takes its time", PARTS)
        assert not waiting.all("hello")
        await asyncio.to_thread(writer.call, COMMIT)
        await waiting.knows("the first")
