"""Leaving: every stream is asked to move on, spread over a grace window, and nobody new comes in."""

from __future__ import annotations

import asyncio
import time

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User

from notifications import notify
from notifications.hub import shutdown
from notifications.hub.shutdown import DRAIN_TYPE, SLICE_STREAMS, drain
from notifications.hub.subscription import Subscription
from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of
from notifications.log.seals import seal
from notifications.protocol.bye import Bye
from tests.support.asgi import Site, open_site
from tests.support.browser import until
from tests.support.model import follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)


async def test_every_stream_is_told_and_resumes_elsewhere(site: Site, user: User, other_user: User) -> None:
    """Each client hears `bye drain` after what was due, and goes on from its position where it comes to next."""
    streams = [(each, *await follow(site, each)) for each in (user, other_user)]
    assert await site.hub.drain(0.01) == 2
    for _, browser, _ in streams:
        bye = await browser.next("bye")
        assert (bye.id, bye.data) == (None, {"reason": "drain"})
        await browser.ended()
    assert site.hub.count == 0
    await site.do(notify, user, title="meanwhile")
    for each, browser, client in streams:
        again = await site.open(each, last_event_id=browser.position)
        await client.follow_to(again, (await site.do(inbox_of, each)).position)
        assert client.state == await site.do(in_database, each)


async def test_a_goodbye_that_waits_is_finished(site: Site, user: User, other_user: User) -> None:
    """A server whose every write waits (granian's WebSockets) gets to the end of it, and the client the reason."""
    browser, _ = await follow(site, user)
    other, _ = await follow(site, other_user)
    browser.freeze()
    site.hub.end(site.hub.users[str(user.pk)][0], Bye.AUTH)
    browser.thaw()
    assert (await browser.next("bye")).data == {"reason": "auth"}
    await browser.ended()
    assert other.unseen_events == []


async def test_a_goodbye_that_nobody_takes_ends_the_connection(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for so long and no longer; then the application's task is cancelled."""
    monkeypatch.setattr(shutdown, "GOODBYE_SECONDS", 0.01)
    browser, _ = await follow(site, user)
    other, _ = await follow(site, other_user)
    browser.freeze()
    site.hub.end(site.hub.users[str(user.pk)][0], Bye.AUTH)
    await browser.ended()
    assert browser.unseen_events == other.unseen_events == []


async def test_an_order_over_the_layer_drains(site: Site, user: User, other_user: User) -> None:
    """Whoever listens to the group lets its streams go, and takes new ones afterwards."""
    browser, _ = await follow(site, user)
    order = {"type": DRAIN_TYPE, "seconds": 0.01, "sent_at": time.time()}
    await get_channel_layer().group_send("notifications", seal(order))
    assert (await browser.next("bye")).data == {"reason": "drain"}
    await follow(site, other_user)


async def test_a_leaving_process_takes_nobody_in(user: User, other_user: User) -> None:
    """After SIGTERM streams end, a new one is answered by `bye drain`, and then the server is told to go on."""
    async with open_site(NOTIFICATIONS_DRAIN_SECONDS=0.01) as site:
        browser, _ = await follow(site, user)
        gone = asyncio.Event()
        site.hub._leave_for_good(gone.set)
        late = await site.open(other_user)
        for each in (browser, late):
            assert (await each.next("bye")).data == {"reason": "drain"}
            await each.ended()
        assert late.status == 200
        async with asyncio.timeout(5):
            await gone.wait()


async def test_a_stream_that_the_server_cancels_says_goodbye(site: Site, user: User, other_user: User) -> None:
    """A server that cuts its streams at the end cancels the application: the client hears `bye drain` all the same."""
    browser, _ = await follow(site, user)
    other, _ = await follow(site, other_user)
    browser.task.cancel()
    assert (await browser.next("bye")).data == {"reason": "drain"}
    with pytest.raises(asyncio.CancelledError):
        await browser.task
    assert list(site.hub.users) == [str(other_user.pk)]
    assert other.unseen_events == []


async def test_what_was_due_goes_out_before_the_goodbye(
    site: Site, user: User, other_user: User, rung: list[Change]
) -> None:
    """A change that rang in the very turn in which the stream ends is still delivered."""
    browser, client = await follow(site, user)
    await site.do(notify, user, title="in the last moment")
    [change] = rung
    site.hub.hear({name: getattr(change, name) for name in change.__slots__})
    site.hub.end(site.hub.users[str(user.pk)][0], Bye.DRAIN)
    client.apply(await browser.next("change"))
    await browser.next("bye")
    assert client.state == await site.do(in_database, user)


async def test_goodbyes_are_spread_in_random_order() -> None:
    """Many streams end in slices, so that their clients do not all come back at once; none is told twice."""

    async def send(message: object) -> None:
        raise AssertionError

    streams = [
        Subscription(user_id=number, credential="", send=send, position=None) for number in range(3 * SLICE_STREAMS)
    ]
    ended: list[Subscription] = []
    waves: list[int] = []

    def end(subscription: Subscription, why: Bye) -> None:
        assert why is Bye.DRAIN
        ended.append(subscription)

    task = asyncio.create_task(drain(streams, end, seconds=0.2))
    while not task.done():
        await until(lambda: task.done() or len(ended) != sum(waves))
        waves.append(len(ended) - sum(waves))
    assert task.result() == len(streams) == len(set(ended))
    assert len([wave for wave in waves if wave]) == 3
    assert ended != streams
