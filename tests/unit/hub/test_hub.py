"""The hub passes on what continues a stream, to the streams of that user and to nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest
from django.contrib.auth.models import User

from notifications import broadcast, notify
from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of
from notifications.models import Inbox
from tests.support.asgi import Site
from tests.support.browser import until
from tests.support.model import follow, in_database
from tests.support.queries import counted_queries

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_change_goes_to_all_streams_of_its_user_and_to_nobody_else(
    site: Site, user: User, other_user: User
) -> None:
    """Both tabs of a user hear it; another user hears nothing."""
    first, second, other = await site.open(user), await site.open(user), await site.open(other_user)
    for browser in (first, second, other):
        await browser.hello()
    sent = await site.do(notify, user, title="Report is ready")
    for browser in (first, second):
        assert [item["id"] for item in (await browser.next("change")).data["upsert"]] == [sent.pk]
    assert first.writes[-1] is second.writes[-1], "encoded once"
    assert other.unseen_events == []


async def test_live_changes_touch_no_database(
    site: Site, user: User, other_user: User, rung: list[Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A doorbell that continues a stream is passed on without a query."""
    browser, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    for number in range(3):
        await site.do(notify, user, title=f"number {number}")
    with counted_queries() as queries:
        for change in rung:
            site.hub.hear(asdict(change))
        for _ in rung:
            client.apply(await browser.next("change"))
        await asyncio.sleep(0)
        assert queries == []
    assert client.state == await site.do(in_database, user)
    assert other.unseen_events == []


@pytest.mark.usefixtures("bystander")
async def test_what_rings_in_one_turn_is_one_write(site: Site, user: User, rung: list[Change]) -> None:
    """Frames that are due together go out together, each still its own event."""
    browser, _ = await follow(site, user)
    before = len(browser.writes)
    for number in range(3):
        await site.do(notify, user, title=f"number {number}")
    for change in rung:
        site.hub.hear(asdict(change))
    titles = [(await browser.next("change")).data["upsert"][0]["title"] for _ in rung]
    assert titles == ["number 0", "number 1", "number 2"]
    assert len(browser.writes) == before + 1


@pytest.mark.usefixtures("bystander")
async def test_stale_and_duplicate_doorbells_are_discarded(
    site: Site, user: User, rung: list[Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stream already has costs neither a frame nor a query, in whatever order it rings again."""
    browser, client = await follow(site, user)
    for number in range(3):
        await site.do(notify, user, title=f"number {number}")
    for change in rung:
        site.hub.hear(asdict(change))
    await client.follow_to(browser, (await site.do(inbox_of, user)).position)
    with counted_queries() as queries:
        for change in [*reversed(rung), *rung]:
            site.hub.hear(asdict(change))
        await asyncio.sleep(0)
        assert not site.hub._recovery._waiting
        assert queries == []
    assert browser.unseen_events == []


async def test_a_doorbell_of_another_epoch_makes_the_hub_ask_the_log(
    site: Site, user: User, other_user: User, rung: list[Change]
) -> None:
    """After a restored backup the first doorbell brings a reset; a late one of the old epoch brings nothing."""
    browser, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    await site.do(Inbox.objects.filter(pk=user.pk).update, epoch=client.epoch % 2**40 + 1)
    await site.do(notify, user, title="after the restore")
    site.hub.hear(asdict(rung[0]))
    reset = await browser.next("reset")
    client.apply(reset)
    assert reset.data["reason"] == "epoch"
    assert client.state == await site.do(in_database, user)

    site.hub.hear(asdict(rung[0]) | {"epoch": 7, "modseq": 99, "prev": 98})
    await until(lambda: not site.hub._recovery._waiting)
    assert browser.unseen_events == []
    assert other.unseen_events == []


async def test_a_broadcast_reaches_each_user_with_their_own_row(site: Site, user: User, other_user: User) -> None:
    """One message for many users: each stream gets its user's row and no other."""
    streams = [(each, *await follow(site, each)) for each in (user, other_user)]
    await site.do(broadcast, title="Maintenance tonight")
    for each, browser, client in streams:
        client.apply(await browser.next("change"))
        assert client.state == await site.do(in_database, each)
