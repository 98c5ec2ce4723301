"""Slow readers: one write in flight, a position and a number, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from typing import Any

import pytest
from django.contrib.auth.models import User

from notifications import mark_all_read, notify
from notifications.hub.subscription import MAX_DUE_BYTES, Subscription
from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from tests.support.asgi import Site, open_site
from tests.support.browser import until
from tests.support.model import Client, follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)


async def send(site: Site, user: User, rung: list[Change], **content: Any) -> None:
    """Notify and ring at once, one turn of the loop for it."""
    await site.do(notify, user, **content)
    site.hub.hear(asdict(rung.pop()))
    await asyncio.sleep(0)


async def test_a_slow_reader_has_one_write_in_flight_and_catches_up_exactly(
    site: Site, user: User, other_user: User, rung: list[Change]
) -> None:
    """However much happens while it does not read, it waits in one write; afterwards it holds what the database holds."""
    slow, client = await follow(site, user)
    subscription = site.hub.users[str(user.pk)][-1]
    other, _ = await follow(site, other_user)
    slow.freeze()
    for number in range(20):
        await send(site, user, rung, title=f"number {number}")
    await site.do(Notification.objects.for_user(user).filter(title="number 3").archive)
    await site.do(mark_all_read, user)
    for change in rung:
        site.hub.hear(asdict(change))
    assert (slow.writes_in_flight, slow.unseen_events) == (1, [])
    assert (subscription.due, subscription.due_bytes) == ([], 0)

    slow.thaw()
    await client.follow_to(slow, (await site.do(inbox_of, user)).position)
    assert client.state == await site.do(in_database, user)
    assert slow.most_writes_in_flight == 1
    assert other.unseen_events == []
    await until(lambda: subscription.is_live)


@pytest.mark.usefixtures("bystander")
async def test_a_slow_reader_costs_the_same_however_much_it_misses(site: Site, user: User, rung: list[Change]) -> None:
    """What rings while a write waits is kept as one number, not as frames."""

    def size(subscription: Subscription) -> int:
        return sum(sys.getsizeof(getattr(subscription, name)) for name in Subscription.__slots__)

    slow, _ = await follow(site, user)
    subscription = site.hub.users[str(user.pk)][-1]
    slow.freeze()
    await send(site, user, rung, title="fills the buffer")
    await send(site, user, rung, title="missed", body="x" * 4000)
    after_one = size(subscription)
    for number in range(50):
        await send(site, user, rung, title=f"number {number}", body="x" * 4000)
    assert size(subscription) == after_one
    assert slow.writes_in_flight == 1


async def test_a_log_replaced_while_a_reader_is_slow_is_noticed(
    site: Site, user: User, other_user: User, rung: list[Change]
) -> None:
    """A doorbell of another epoch counts however low its number, for numbers of two epochs cannot be compared."""
    for number in range(5):
        await send(site, user, rung, title=f"number {number}")
    slow, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    slow.freeze()
    await send(site, user, rung, title="fills the buffer")
    await site.do(lambda: Notification.objects.for_user(user).delete_rows())
    fresh = {"epoch": client.epoch % 2**40 + 1, "modseq": 1, "floor": 1, "unread": 0, "unseen": 0}
    await site.do(Inbox.objects.filter(pk=user.pk).update, **fresh)
    await send(site, user, rung, title="first of the new log")
    slow.thaw()
    client.apply(await slow.next("change"))
    client.apply(await slow.next("reset"))
    assert client.state == await site.do(in_database, user)
    assert other.unseen_events == []


@pytest.mark.usefixtures("bystander")
async def test_another_stream_is_not_held_up_by_a_slow_one(site: Site, user: User, rung: list[Change]) -> None:
    """The same user's other tab hears everything at once while one tab is frozen."""
    slow, slow_client = await follow(site, user)
    quick, quick_client = await follow(site, user)
    slow.freeze()
    for number in range(5):
        await send(site, user, rung, title=f"number {number}")
        quick_client.apply(await quick.next("change"))
    assert quick_client.state == await site.do(in_database, user)
    slow.thaw()
    await slow_client.follow_to(slow, (await site.do(inbox_of, user)).position)
    assert slow_client.state == quick_client.state


async def test_a_reader_that_stays_slow_is_ended(user: User, other_user: User, rung: list[Change]) -> None:
    """After the send time-out the stream ends and is forgotten; another user's goes on."""
    async with open_site(NOTIFICATIONS_SEND_TIMEOUT_SECONDS=0.05) as site:
        slow, _ = await follow(site, user)
        subscription = site.hub.users[str(user.pk)][-1]
        other, other_client = await follow(site, other_user)
        slow.freeze()
        await send(site, user, rung, title="never read")
        await slow.ended()
        assert str(user.pk) not in site.hub.users
        assert subscription.is_ended
        await send(site, other_user, rung, title="delivered")
        other_client.apply(await other.next("change"))
        assert other_client.state == await site.do(in_database, other_user)


async def test_a_reader_frozen_from_the_start_is_ended(user: User, other_user: User) -> None:
    """Not even the response's start gets through: the time-out counts from there."""
    async with open_site(NOTIFICATIONS_SEND_TIMEOUT_SECONDS=0.05) as site:
        slow = await site.open(user)
        slow.freeze()
        await slow.ended()
        assert (slow.messages, site.hub.count) == ([], 0)


async def test_a_client_that_has_gone_is_forgotten_at_the_next_write(
    site: Site, user: User, other_user: User, rung: list[Change]
) -> None:
    """A `send` that raises, at once or after waiting, ends that stream and no other."""
    at_once, _ = await follow(site, user)
    later, _ = await follow(site, user)
    stays, client = await follow(site, user)
    at_once.break_writes(OSError("gone"))
    later.freeze()
    await send(site, user, rung, title="first")
    assert site.hub.count == 2
    later.break_after_thaw(OSError("gone"))
    await until(lambda: site.hub.count == 1)
    client.apply(await stays.next("change"))
    assert client.state == await site.do(in_database, user)


@pytest.mark.parametrize("is_frozen", [False, True])
async def test_more_than_a_buffer_in_one_turn_goes_out_in_parts(
    site: Site, user: User, other_user: User, rung: list[Change], is_frozen: bool
) -> None:
    """What is due in one turn is bounded: beyond it a write goes out at once, and where that waits the rest is read."""
    browser, client = await follow(site, user)
    subscription = site.hub.users[str(user.pk)][-1]
    other, _ = await follow(site, other_user)
    for number in range(19):
        await site.do(notify, user, title=f"number {number}", body="é" * 1000)
    before = len(browser.writes)
    if is_frozen:
        browser.freeze()
    for change in rung:
        site.hub.hear(asdict(change))
        assert subscription.due_bytes <= MAX_DUE_BYTES
    assert subscription.is_reading is False
    assert bool(subscription.sending) is is_frozen
    browser.thaw()
    await client.follow_to(browser, (await site.do(inbox_of, user)).position)
    assert client.state == await site.do(in_database, user)
    assert max(map(len, browser.writes[before:])) <= 2 * MAX_DUE_BYTES
    assert browser.most_writes_in_flight <= 1
    assert other.unseen_events == []
    await until(lambda: subscription.is_live)


async def test_a_replay_of_many_writes_stops_where_the_reader_does(
    site: Site, user: User, other_user: User, rung: list[Change]
) -> None:
    """A long replay goes out one buffer at a time: a reader that freezes in the middle goes on from there."""
    inbox = await site.do(inbox_of, user)
    for number in range(19):
        await site.do(notify, user, title=f"number {number}", body="é" * 4000)
    client = Client()
    client.epoch, client.modseq = inbox.epoch, inbox.modseq
    slow = await site.open(user, since=client.since)
    slow.freeze()
    await until(lambda: slow.writes_in_flight)
    assert slow.writes == []
    slow.thaw()
    await client.follow_to(slow, (await site.do(inbox_of, user)).position)
    assert client.state == await site.do(in_database, user)
    assert max(map(len, slow.writes)) < 3 * MAX_DUE_BYTES
    await until(lambda: site.hub.users[str(user.pk)][-1].is_live)  # and reads no more
    assert slow.most_writes_in_flight == 1
