"""What breaks around the hub, and that streams outlive it: the database, the layer, a task, a bad row, a bad message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import override_settings

from notifications import notify
from notifications.hub import executor, recovery, sweeper
from notifications.log import doorbell
from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of, read_after, read_positions
from tests.support.asgi import Site, channel_layer, open_site
from tests.support.browser import Browser, until
from tests.support.model import Client, follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)
SWEEPING = {"NOTIFICATIONS_SWEEP_SECONDS": 0.05}


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon; the pause of a second is there for the log's sake."""
    monkeypatch.setattr(executor, "RESTART_SECONDS", 0.02)


async def assert_arrives(site: Site, user: User, browser: Browser, client: Client) -> None:
    """Wait until the client holds what the database holds."""
    await client.follow_to(browser, (await site.do(inbox_of, user)).position)
    assert client.state == await site.do(in_database, user)


class Away:
    """A function that raises while it is away."""

    def __init__(self, real: Any, error: Exception) -> None:
        self.real, self.error = real, error
        self.is_away, self.asked = True, 0

    def __call__(self, *args: Any) -> Any:
        self.asked += 1
        if self.is_away:
            raise self.error
        return self.real(*args)


# --- the database


async def test_a_database_that_refuses_at_once_is_asked_ever_more_rarely(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is read alone asks again after a pause that grows to the sweep interval, and not in a circle."""
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=60) as site:
        reads, looks = aways = [Away(real, OperationalError("refused")) for real in (read_after, read_positions)]
        monkeypatch.setattr(recovery, "read_after", reads)
        monkeypatch.setattr(recovery, "read_positions", looks)
        site.hub._recovery._failures[str(user.pk)] = recovery.Failures(1, asyncio.get_running_loop().time())
        browser = await site.open(user)
        await until(lambda: reads.asked >= 2)
        await asyncio.sleep(1.0)
        assert (
            reads.asked <= 10
        )  # after 0.1, 0.2, 0.4 and 0.8 s; each is tried twice, the second time on a new connection
        for away in aways:
            away.is_away = False
        await browser.hello()


@pytest.mark.parametrize("functions", [["read_after", "read_positions"], ["read_positions"]])
async def test_a_database_that_goes_away_ends_no_stream(
    user: User,
    other_user: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    functions: list[str],
) -> None:
    """While it is away streams wait, and each task logs one line; when it is back, what was silent arrives, once."""
    async with open_site(**SWEEPING) as site:
        browser, client = await follow(site, user)
        other, _ = await follow(site, other_user)
        aways = [Away(getattr(recovery, function), OperationalError("database is away")) for function in functions]
        for function, away in zip(functions, aways, strict=True):
            monkeypatch.setattr(recovery, function, away)
        monkeypatch.setattr(sweeper, "read_positions", aways[-1])
        monkeypatch.setattr(doorbell, "ring", lambda _changes: None)
        await site.do(notify, user, title="silent")
        if "read_after" in functions:
            site.hub._recovery.read_soon(site.hub.users[str(user.pk)][0])  # the sweep finds nobody
        await until(lambda: all(away.asked >= 3 for away in aways))
        await until(
            lambda: caplog.text.count("database is away") >= len(aways)
        )  # the reader asks for positions as well
        assert caplog.text.count("database is away") == len(aways)
        assert browser.unseen_events == []
        for away in aways:
            away.is_away = False
        await assert_arrives(site, user, browser, client)
        assert other.unseen_events == []


async def test_an_outage_that_lasts_is_logged_again(
    user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not each attempt is logged, but each minute is, so that the next outage shows even if it looks the same."""
    monkeypatch.setattr(executor, "LOG_SECONDS", 0.0)
    async with open_site(**SWEEPING) as site:
        await follow(site, user)
        monkeypatch.setattr(sweeper, "read_positions", Away(read_positions, OperationalError("database is away")))
        await until(lambda: caplog.text.count("database is away") >= 2)


async def test_an_unreadable_row_holds_up_its_own_user_only(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that cannot be shown, as written past the log by hand, does not stop everybody else's catching up."""
    inbox = await site.do(inbox_of, user)
    row = await site.do(notify, user, title="damaged below")

    def damage() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE live_notifications_notification SET data = %s WHERE id = %s", ['{"x": 1e999}', row.pk]
            )

    await site.do(damage)
    damaged = await site.open(user, since=inbox.position)
    await until(lambda: site.hub.count == 1)
    browser, client = await follow(site, other_user)
    await site.do(notify, other_user, title="delivered")
    await assert_arrives(site, other_user, browser, client)
    assert not damaged.task.done()


async def test_nothing_goes_out_before_hello(
    site: Site, user: User, other_user: User, rung: list[Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream whose first read failed waits for the sweeper with its `hello`, also when a doorbell continues it."""
    inbox = await site.do(inbox_of, user)
    away = Away(read_after, ValueError("this row cannot be read"))
    monkeypatch.setattr(recovery, "read_after", away)
    browser, other = await site.open(user, since=inbox.position), await site.open(other_user)
    await until(lambda: away.asked >= 2 and not site.hub._recovery._waiting)
    await site.do(notify, user, title="continues")
    site.hub.hear(asdict(rung[0]))
    await until(lambda: not site.hub._recovery._waiting)
    assert browser.events == other.events == []
    away.is_away = False
    site.hub._sweeper.sweep_now()
    assert (await browser.next("hello")).data["mode"] == "resume"
    assert (await browser.next("change")).data["prev"] == inbox.modseq
    await other.hello()


# --- the layer


class Broken(InMemoryChannelLayer):
    """A channel layer whose server is away."""

    async def group_add(self, group: str, channel: str) -> None:
        raise ConnectionError("layer is away")

    async def group_send(self, group: str, message: Any) -> None:
        raise ConnectionError("layer is away")


async def test_without_a_layer_streams_live_and_the_sweeper_delivers(
    user: User, other_user: User, caplog: pytest.LogCaptureFixture
) -> None:
    """A layer that raises delays a change by a sweep and loses none; writes stand; when it is back, doorbells are."""
    with channel_layer(Broken()):
        async with open_site(**SWEEPING) as site:
            browser, client = await follow(site, user)
            other, _ = await follow(site, other_user)
            for number in range(3):
                await site.do(notify, user, title=f"number {number}")
                await assert_arrives(site, user, browser, client)
            assert other.unseen_events == []
            assert caplog.text.count("_listen failed") == 1

            layer = InMemoryChannelLayer()
            with channel_layer(layer), override_settings(NOTIFICATIONS_SWEEP_SECONDS=60.0):
                await until(lambda: layer.groups)
                await site.do(notify, user, title="again at once")
                await assert_arrives(site, user, browser, client)


async def test_a_message_that_cannot_be_read_is_passed_over(site: Site, user: User, other_user: User) -> None:
    """Nonsense on the group costs a log line, not the hearing."""
    browser, client = await follow(site, user)
    layer = get_channel_layer()
    nonsense: Iterable[Any] = [
        {"type": "notifications.changes"},
        {"type": "notifications.changes", "changes": [{"user": str(user.pk)}]},
        {"type": "notifications.changes", "changes": None},
        {"type": "of.somebody.else"},
        {},
    ]
    for message in nonsense:
        await layer.group_send("notifications", message)
    await site.do(notify, user, title="heard")
    await assert_arrives(site, user, browser, client)


async def test_a_full_layer_delays_and_loses_nothing(user: User, other_user: User) -> None:
    """Doorbells beyond the layer's capacity are dropped there; the sweeper delivers what they told."""
    with channel_layer(InMemoryChannelLayer(capacity=1)):
        async with open_site(**SWEEPING) as site:
            browser, client = await follow(site, user)
            other, _ = await follow(site, other_user)
            await asyncio.gather(*(site.do(notify, user, title=f"number {number}") for number in range(19)))
            await assert_arrives(site, user, browser, client)
            assert other.unseen_events == []
