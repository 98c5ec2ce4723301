"""Who is online, and since when: over all processes, exact to one sweep, and nearly for nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from notifications.hub import presence_tracker
from notifications.hub.presence import (
    ais_online,
    connected,
    disconnected,
    is_online,
    online_since,
    online_users,
    since_by_user,
)
from notifications.hub.presence_tracker import forget_dead, write
from notifications.log.replay import inbox_of
from notifications.models.presence import Presence, Process
from notifications.protocol.bye import Bye
from tests.support.asgi import Site, log_in, open_site
from tests.support.browser import DEADLINE_SECONDS, until as browser_until
from tests.support.queries import counted_queries

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = dt.timedelta(minutes=1)
T = TypeVar("T")


@pytest.fixture
async def site(user: User, other_user: User) -> AsyncIterator[Site]:
    """A site that sweeps all the time."""
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.15) as site:
        yield site


async def until(site: Site, ask: Callable[[], T], wanted: Callable[[T], object] = bool) -> T:
    """Ask the database until the answer is as wanted; return it."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not wanted(answer := await site.do(ask)):
            pass
    return answer


def dead() -> int:
    """Let every process have died some time ago; return how many there are."""
    return Process.objects.update(alive_until=timezone.now() - 2 * MINUTE)


async def test_an_open_stream_makes_its_user_online(site: Site, user: User, other_user: User) -> None:
    """One is online since the stream was opened, in this process or another; somebody else is not."""
    before = timezone.now()
    browser = await site.open(user)
    await browser.hello()
    assert await until(site, lambda: is_online(user))
    assert await ais_online(user.pk)
    since = await site.do(online_since, user)
    assert since is not None
    assert before <= since <= timezone.now()
    assert await site.do(lambda: list(online_users())) == [user]
    assert not await site.do(is_online, other_user)
    assert await site.do(online_since, other_user) is None


async def test_the_last_stream_to_end_makes_its_user_offline(site: Site, user: User) -> None:
    """One of two streams may end; when the other does too, its user is offline within a sweep."""
    first, second = await site.open(user), await site.open(user)
    since = await until(site, lambda: online_since(user))
    await first.disconnect()
    sweeps = await site.do(lambda: Process.objects.get().alive_until)
    await until(site, lambda: Process.objects.get().alive_until > sweeps)  # a sweep later
    assert await site.do(online_since, user) == since
    await second.disconnect()
    await until(site, lambda: not is_online(user))
    assert not await site.do(Presence.objects.exists)


async def test_who_comes_back_at_once_never_left(site: Site, user: User) -> None:
    """The next page's stream continues what the last one began, without a write."""
    first = await site.open(user)
    row = await until(site, lambda: Presence.objects.values().first())
    for _ in range(3):
        await first.disconnect()
        first = await site.open(user)
        await first.hello()
    sweeps = await site.do(lambda: Process.objects.get().alive_until)
    await until(site, lambda: Process.objects.get().alive_until > sweeps)
    assert await site.do(lambda: list(Presence.objects.values())) == [row]


async def test_who_is_asked_to_move_on_stays_online(site: Site, user: User, other_user: User) -> None:
    """A stream that is rotated is expected back for some seconds; one whose session is over is not."""
    rotated, logged_out = await site.open(user), await site.open(other_user)
    await until(site, lambda: online_users().count() == 2)
    (mine,), (others,) = site.hub.users[str(user.pk)], site.hub.users[str(other_user.pk)]
    site.hub.end(mine, Bye.ROTATE)
    site.hub.end(others, Bye.AUTH)
    await rotated.ended()
    await logged_out.ended()
    await until(site, lambda: not is_online(other_user))
    assert await site.do(is_online, user)
    assert site.hub._presence._leaving[str(user.pk)] > site.hub.loop.time() + 5


def test_one_of_two_processes_lets_go(user: User) -> None:
    """Who is held by two processes stays online when one of them loses the last stream, since the same moment."""
    first, second = uuid.uuid4(), uuid.uuid4()
    write(first, MINUTE, [user.pk], [])
    since = online_since(user)
    write(second, MINUTE, [user.pk], [])
    assert online_since(user) == since
    write(first, MINUTE, [], [user.pk])
    assert online_since(user) == since
    write(second, MINUTE, [], [user.pk])
    assert not is_online(user)


def test_a_wrong_clock_changes_nothing(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are the database's own: who comes to a machine that is an hour ahead did not come in an hour."""
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + 60 * MINUTE)
    write(uuid.uuid4(), MINUTE, [user.pk], [])
    since = online_since(user)
    assert since is not None
    assert abs(since - real()) < MINUTE
    assert is_online(user)


def test_a_dead_process_holds_nobody(user: User, other_user: User) -> None:
    """Once a process's time is over its users are offline, and later its rows are gone; a living one's stay."""
    write(uuid.uuid4(), -2 * MINUTE, [user.pk], [])
    write(uuid.uuid4(), MINUTE, [other_user.pk], [])
    assert list(online_users()) == [other_user]
    assert since_by_user([user.pk, other_user.pk]).keys() == {other_user.pk}
    forget_dead()
    assert list(Presence.objects.values_list("user", flat=True)) == [other_user.pk]


async def test_a_process_that_was_taken_for_dead_says_everything_again(site: Site, user: User) -> None:
    """Frozen for minutes, a process finds its rows gone; within a sweep its users are online again."""
    await site.open(user)
    await until(site, lambda: is_online(user))
    with mock.patch.object(presence_tracker, "FORGET", dt.timedelta(days=1)):
        await site.do(lambda: (dead(), Process.objects.all().delete()))
        await until(site, lambda: is_online(user))
    assert await site.do(Presence.objects.count) == 1


async def test_a_database_that_is_away_is_told_later(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes and goes while nothing can be written is written once it can."""
    mine = await site.open(user)
    await until(site, lambda: is_online(user))
    failed = threading.Event()

    def fails(*args: Any) -> bool:
        failed.set()
        raise OperationalError("the database is away")

    monkeypatch.setattr(presence_tracker, "write", fails)
    await mine.disconnect()
    theirs = await site.open(other_user)
    await theirs.hello()
    assert await asyncio.to_thread(failed.wait, DEADLINE_SECONDS)
    monkeypatch.setattr(presence_tracker, "write", write)
    await until(site, lambda: list(online_users()) == [other_user])


async def test_an_idle_sweep_writes_one_row(user: User, other_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody comes or goes, a sweep is one read of the positions and one write of the process's lease."""
    monkeypatch.setattr(presence_tracker, "forget_dead", lambda: None)  # once a minute
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.3) as site:
        for each in (user, user, other_user):
            await (await site.open(each)).hello()
        await until(site, lambda: online_users().count() == 2)
        with counted_queries() as queries:
            await browser_until(lambda: sum(sql.startswith("UPDATE") for sql in queries) == 4)
        reads = [sql for sql in queries if sql.startswith("SELECT")]
        writes = [sql for sql in queries if not sql.startswith("SELECT")]
        assert all(sql.startswith('UPDATE "live_notifications_process"') for sql in writes), writes
        assert all('"modseq"' in sql for sql in reads), reads
        assert 3 <= len(reads) <= 5


def test_a_thousand_who_come_at_once_take_few_queries(db: None) -> None:
    """After a restart everybody is written down in some statements for each 500."""
    users = User.objects.bulk_create(User(username=f"many{number}") for number in range(1000))
    process_id = uuid.uuid4()
    write(process_id, MINUTE, [], [])
    with counted_queries() as queries:
        write(process_id, MINUTE, [user.pk for user in users], [])
    assert sum(not sql.startswith(("BEGIN", "SAVEPOINT", "RELEASE")) for sql in queries) <= 1 + 2 * (1 + 2)
    assert online_users().count() == 1000


# --- signals


@contextmanager
def heard(receive: Callable[[str, Any], None]) -> Iterator[None]:
    """Hear both signals while the block runs."""

    def on_connected(user_id: Any, **_: Any) -> None:
        receive("connected", user_id)

    def on_disconnected(user_id: Any, **_: Any) -> None:
        receive("disconnected", user_id)

    connected.connect(on_connected)
    disconnected.connect(on_disconnected)
    try:
        yield
    finally:
        connected.disconnect(on_connected)
        disconnected.disconnect(on_disconnected)


async def test_signals_tell_first_and_last_streams(site: Site, user: User) -> None:
    """Receivers hear of a user's first stream here and of the end of the last, and may use the database."""
    news: list[tuple[str, str, str]] = []

    def note(word: str, user_id: Any) -> None:
        news.append((word, User.objects.get(pk=user_id).username, threading.current_thread().name))

    with heard(note):
        browsers = [await site.open(user) for _ in range(3)]
        await until(site, lambda: len(news) == 1)
        for browser in browsers:
            await browser.disconnect()
        await until(site, lambda: len(news) == 2)
    assert [(word, name) for word, name, _thread in news] == [("connected", "user1"), ("disconnected", "user1")]
    assert threading.current_thread().name not in {thread for _word, _name, thread in news}


async def test_a_slow_receiver_holds_up_nobody(site: Site, user: User, other_user: User) -> None:
    """While a receiver hangs, streams open and presence is written; who came and went in that time is not told."""
    may_go_on = threading.Event()
    news: list[tuple[str, Any]] = []

    def hang(word: str, user_id: Any) -> None:
        news.append((word, user_id))
        may_go_on.wait(DEADLINE_SECONDS)

    with heard(hang):
        await site.open(user)
        await until(site, lambda: news == [("connected", user.pk)])
        theirs = await site.open(other_user)
        await theirs.hello()
        await until(site, lambda: is_online(other_user))
        await theirs.disconnect()
        await until(site, lambda: not is_online(other_user))
        await site.open(other_user)
        await until(site, lambda: is_online(other_user))
        may_go_on.set()
        await until(site, lambda: len(news) == 2)
    assert news == [("connected", user.pk), ("connected", other_user.pk)]


# --- the admin


def test_the_admin_shows_who_is_online(admin_client: Client, user: User, other_user: User) -> None:
    """The list of inboxes says since when a user is online, and can be narrowed to those who are."""
    for each in (user, other_user):
        inbox_of(each)
    write(uuid.uuid4(), MINUTE, [user.pk], [])
    address = "/admin/live_notifications/inbox/"
    page = admin_client.get(address).content.decode()
    assert page.count('field-online_since">–') == 1
    for choice, names in (("yes", [user]), ("no", [other_user])):
        listed = admin_client.get(f"{address}?online={choice}").context["cl"].result_list
        assert [inbox.user for inbox in listed] == names
    assert "–</div>" not in admin_client.get(f"{address}{user.pk}/").content.decode()


async def test_a_deleted_user_is_not_in_the_way(site: Site, user: User, other_user: User) -> None:
    """A user who is deleted while online takes the presence along, and others' are written all the same."""
    await site.open(user)
    await until(site, lambda: is_online(user))
    await site.do(user.delete)
    assert not await site.do(Presence.objects.exists)
    session_key = await site.do(log_in, other_user)
    await site.open(session_key=session_key)
    await until(site, lambda: is_online(other_user))
