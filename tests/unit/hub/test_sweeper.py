"""The sweeper: streams that nobody told are found, with one query for everybody."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from notifications import mark_all_read, notify
from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from tests.support.asgi import Site, open_site
from tests.support.browser import until
from tests.support.model import follow, in_database
from tests.support.queries import counted_queries

pytestmark = pytest.mark.django_db(transaction=True)


async def test_the_sweeper_finds_a_silent_write(user: User, other_user: User, rung: list[Change]) -> None:
    """Nobody rang: within one interval the stream has the change all the same, and another user has nothing."""
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.05) as site:
        browser, client = await follow(site, user)
        other, _ = await follow(site, other_user)
        await site.do(notify, user, title="silent")
        await site.do(mark_all_read, user)
        await client.follow_to(browser, (await site.do(inbox_of, user)).position)
        assert client.state == await site.do(in_database, user)
        assert other.unseen_events == []


async def test_a_sweep_is_one_query_for_everybody(site: Site, user: User, other_user: User) -> None:
    """Comparing positions costs one query, whoever is connected and however often."""
    for each in (user, user, other_user):
        await follow(site, each)
    with counted_queries() as queries:
        site.hub._sweeper.sweep_now()
        await until(lambda: queries)
        await until(lambda: not site.hub._sweeper._wakeup.is_set())
    assert len(queries) == 1


@pytest.mark.usefixtures("bystander")
async def test_a_log_put_back_behind_a_stream_gets_a_reset(site: Site, user: User, rung: list[Change]) -> None:
    """A stream that is ahead of the head, as after a restored backup of the same epoch, starts over."""
    await site.do(notify, user, title="then lost")
    browser, client = await follow(site, user)
    await site.do(lambda: Notification.objects.for_user(user).delete_rows())
    await site.do(Inbox.objects.filter(pk=user.pk).update, modseq=1, unread=0, unseen=0)
    site.hub._sweeper.sweep_now()
    reset = await browser.next("reset")
    client.apply(reset)
    assert reset.data["reason"] == "ahead"
    assert client.state == await site.do(in_database, user)


async def test_an_inbox_that_was_deleted_starts_over(site: Site, user: User, other_user: User) -> None:
    """A stream whose inbox is gone, as after a repair by hand, is found by the sweeper and gets a reset to a new one."""
    browser, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    await site.do(Inbox.objects.filter(pk=user.pk).delete)
    site.hub._sweeper.sweep_now()
    client.apply(await browser.next("reset"))
    assert client.state == await site.do(in_database, user)
    assert other.unseen_events == []
