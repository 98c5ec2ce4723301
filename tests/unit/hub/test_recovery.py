"""Catching up: what no doorbell brought is read from the log."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import asdict
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from notifications import notify
from notifications.hub import executor, recovery
from notifications.hub.counters import counters
from notifications.log import replay
from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from tests.support.asgi import Site, log_in, open_site
from tests.support.browser import DEADLINE_SECONDS, until
from tests.support.model import Client, follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_gap_is_read_from_the_log(site: Site, user: User, other_user: User, rung: list[Change]) -> None:
    """When a doorbell was lost, the next one makes the hub read both changes, in order."""
    browser, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    for number in range(2):
        await site.do(notify, user, title=f"number {number}")
    site.hub.hear(asdict(rung[1]))
    await client.follow_to(browser, (await site.do(inbox_of, user)).position)
    assert client.state == await site.do(in_database, user)
    assert other.unseen_events == []


@pytest.mark.usefixtures("bystander")
async def test_a_light_doorbell_is_read_from_the_log(site: Site, user: User, rung: list[Change]) -> None:
    """A change of too many rows to ring with comes from the log as one frame."""
    browser, client = await follow(site, user)
    rows = [Notification(recipient=user, title=f"number {number}") for number in range(60)]
    await site.do(Notification.objects.bulk_create, rows)
    assert [change.data for change in rung] == [None]
    site.hub.hear(asdict(rung[0]))
    change = await browser.next("change")
    client.apply(change)
    assert len(change.data["upsert"]) == 60
    assert client.state == await site.do(in_database, user)


async def test_who_leaves_during_a_read_is_written_to_no_more(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that goes while the log is being read for it gets nothing; who was read for together with it does."""
    reading, may_go_on = threading.Event(), threading.Event()
    real = replay.read_after

    def read_after(positions: Any) -> Any:
        reading.set()
        may_go_on.wait(DEADLINE_SECONDS)
        return real(positions)

    monkeypatch.setattr(recovery, "read_after", read_after)
    keys = [await site.do(log_in, each) for each in (user, other_user)]
    leaves, stays = [site.connect(key) for key in keys]
    await until(reading.is_set)
    await leaves.disconnect()
    may_go_on.set()
    await stays.hello()
    assert leaves.messages == []
    assert site.hub.count == 1


async def test_a_read_that_takes_long_is_waited_for_by_its_user_only(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read together they would both wait; so each is read alone then, and later on who was slow apart from the others."""
    is_free = threading.Event()
    real = replay.read_after

    def read_after(positions: Any) -> Any:
        if user.pk in positions:
            is_free.wait(DEADLINE_SECONDS)
        return real(positions)

    monkeypatch.setattr(recovery, "read_after", read_after)
    monkeypatch.setattr(recovery, "READ_SECONDS", 0.05)
    monkeypatch.setattr(recovery, "ALONE_SECONDS", 1.0)
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.05) as site:
        slow, quick = await site.open(user), await site.open(other_user)
        await quick.hello()
        for number in range(3):
            await site.do(Inbox.objects.filter(pk=other_user.pk).update, unread=number)
            await site.do(notify, other_user, title=f"silent {number}")
            assert (await quick.next("change")).data["upsert"][0]["title"] == f"silent {number}"
        assert slow.events == []
        is_free.set()
        await slow.hello()


async def test_a_read_for_many_that_comes_late_is_not_done_again_for_each(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is short of time, reading each alone takes longer still: clients gave up, came back, and so on."""
    may_come, may_end = threading.Event(), threading.Event()
    alone: list[Any] = []
    real = replay.read_after

    def read_after(positions: Any) -> Any:
        replays = real(positions)
        if len(positions) == 1:
            alone.append(positions)
            may_end.wait(DEADLINE_SECONDS)
        else:
            may_come.wait(DEADLINE_SECONDS)
        return replays

    monkeypatch.setattr(recovery, "read_after", read_after)
    monkeypatch.setattr(recovery, "READ_SECONDS", 0.05)
    monkeypatch.setattr(recovery, "ALONE_SECONDS", DEADLINE_SECONDS)
    async with open_site() as site:
        monkeypatch.setattr(site.hub._recovery, "_slots", asyncio.Semaphore(1))
        keys = [await site.do(log_in, each) for each in (user, other_user)]
        browsers = [site.connect(key) for key in keys]
        await until(lambda: bool(alone))
        may_come.set()
        for browser in browsers:
            await browser.hello()
        may_end.set()  # the read of one alone brings what is known
        monkeypatch.setattr(recovery, "read_after", real)
        for each, browser in zip((user, other_user), browsers, strict=True):
            await site.do(notify, each, title="after it")
            assert (await browser.next("change")).data["upsert"][0]["title"] == "after it"
            assert [event.name for event in browser.events].count("hello") == 1
    assert len(alone) == 1


async def test_reads_do_not_pile_up_while_the_database_is_away(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given up and not begun is never begun: it would all be read at once when the database is back."""
    is_back = threading.Event()
    reads: list[Any] = []
    real = replay.read_after

    def read_after(positions: Any) -> Any:
        reads.append(positions)
        is_back.wait(DEADLINE_SECONDS)
        return real(positions)

    def away(_user_ids: Any) -> Any:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(recovery, "read_after", read_after)
    monkeypatch.setattr(recovery, "read_positions", away)
    monkeypatch.setattr(recovery, "READ_SECONDS", 0.02)
    monkeypatch.setattr(recovery, "ALONE_SECONDS", 0.02)
    monkeypatch.setattr(executor, "RESTART_SECONDS", 0.01)
    async with open_site() as site:
        before = counters.log_reads
        browsers = [site.connect(await site.do(log_in, each)) for each in (user, other_user)]
        await until(lambda: counters.log_reads >= before + 60)
        is_back.set()
        monkeypatch.setattr(recovery, "READ_SECONDS", DEADLINE_SECONDS)
        for browser in browsers:
            await browser.hello()
    assert len(reads) <= executor.MOST_THREADS + 3


async def test_who_can_never_be_read_for_is_asked_to_come_back_later(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After three sweeps the stream ends with a long pause, said once in the log; nobody else notices."""
    real = replay.read_after

    def read_after(positions: Any) -> Any:
        if user.pk in positions:
            raise OperationalError("canceling statement due to statement timeout") from Cancelled()
        return real(positions)

    monkeypatch.setattr(recovery, "read_after", read_after)
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.05) as site:
        browser, other = await site.open(user), await site.open(other_user)
        await other.hello()
        assert (await browser.next()).name == "bye"
        assert browser.events[0].data == {"reason": "overload"}
        assert (browser.events[0].retry or 0) >= 20_000
        await site.do(notify, other_user, title="delivered")
        await other.next("change")
    assert caplog.text.count(f"The log of user {user.pk} cannot be read: OperationalError") == 1


class Cancelled(Exception):
    """What psycopg raises where PostgreSQL ends a statement."""

    sqlstate = "57014"


async def test_an_inbox_that_takes_long_to_make_is_waited_for_by_its_user_only(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose inbox is there, or can be made, is not kept; the other one begins when somebody has made it."""
    is_made = threading.Event()
    real = replay.make_missing

    def make_missing(user_ids: list[Any]) -> Any:
        if is_made.is_set():
            return real(user_ids)
        made, waiting = real([each for each in user_ids if each != user.pk])
        return made, waiting | ({user.pk} & set(user_ids))

    monkeypatch.setattr(recovery, "make_missing", make_missing)
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.05) as site:
        waits, quick = await site.open(user), await site.open(other_user)
        await quick.hello()
        with pytest.raises(TimeoutError, match="making the inbox"):
            await site.hub.read(user.pk, None)
        assert waits.events == []
        is_made.set()
        await waits.hello()


@pytest.mark.parametrize("start", ["resume", "reset"])
@pytest.mark.parametrize("doorbell_is", ["prompt", "late", "lost"])
@pytest.mark.parametrize("moment", ["before the head", "between head and rows", "after the rows"])
async def test_a_change_during_the_first_read_is_neither_lost_nor_doubled(
    site: Site,
    user: User,
    other_user: User,
    rung: list[Change],
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    doorbell_is: str,
    moment: str,
) -> None:
    """Whenever it commits between join and delivery, and whenever its doorbell rings, it is applied exactly once."""
    client = Client()
    inbox = await site.do(inbox_of, user)
    if start == "resume":
        client.epoch, client.modseq = inbox.epoch, inbox.modseq
    await site.do(notify, user, title="missed while away")
    rung.clear()
    real_heads, real_read_after = replay.read_heads, replay.read_after

    def write() -> None:
        if not rung:
            notify(user, title="meanwhile")
            if doorbell_is == "prompt":  # heard before the result of the read is
                site.hub.loop.call_soon_threadsafe(site.hub.hear, asdict(rung[0]))

    def heads(user_ids: Any) -> Any:
        found = real_heads(user_ids)
        if moment == "between head and rows":
            write()
        return found

    def read_after(positions: Any) -> Any:
        if moment == "before the head":
            write()
        replays = real_read_after(positions)
        if moment == "after the rows":
            write()
        return replays

    monkeypatch.setattr(replay, "read_heads", heads)
    monkeypatch.setattr(recovery, "read_after", read_after)
    browser = await site.open(user, since=client.since)
    other = await site.open(other_user)
    await other.hello()
    client.apply(await browser.next("hello"))
    if doorbell_is == "late":
        site.hub.hear(asdict(rung[0]))
    elif doorbell_is == "lost":
        site.hub._sweeper.sweep_now()
    await client.follow_to(browser, (await site.do(inbox_of, user)).position)
    assert client.state == await site.do(in_database, user)
    assert len(client.items) == 2
    await until(lambda: not site.hub._recovery._waiting)
    assert browser.unseen_events == []
    assert other.unseen_events == []
