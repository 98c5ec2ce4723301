"""Many tabs of one browser: one stream for all of them, handed over when its tab goes, with Web Locks and without."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.support.chromium import CENTRE, INTRANET, Visitors, expect_unread, log_in
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAMLESS = "/errors/500.html"  # it stands alone, without a bell
COUNT_MESSAGES = """
const post = BroadcastChannel.prototype.postMessage;
window.messages = 0;
BroadcastChannel.prototype.postMessage = function (data) {
  window.messages += 1;
  return post.call(this, data);
};
"""
# A frame or a ping is one; a test that a slow machine takes a minute for has 120 pings of half a second.
MOST_MESSAGES = 400


async def open_tabs(visitors: Visitors, first: Page) -> list[Page]:
    """Return three tabs of one profile."""
    await first.goto("/")
    return [first, await visitors.open_tab(first, CENTRE), await visitors.open_tab(first, "/")]


async def tell(site: Site, person: Person) -> None:
    """Send a person something."""
    await site.acall("notify(user, title='For every tab').pk", user=person.pk)


async def test_one_stream_is_handed_over(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """Three tabs show everything over one connection, whichever of them are closed; another profile has its own."""
    theirs = await visitors.arrive(daphne, other)
    await tell(site, other)
    await expect_unread(theirs, 1)
    tabs = await open_tabs(visitors, await visitors.arrive(daphne, user, path=STREAMLESS))
    for sent in (1, 2, 3):
        await tell(site, user)
        for tab in tabs:
            await expect_unread(tab, sent)
        # theirs, and each tab that has led; how often one asks depends on how soon the next event comes after a farewell
        assert len(visitors.leaders) == 1 + sent
        if len(tabs) > 1:
            await tabs.pop(0).close()  # it leads, and what is sent next is sent at once
    await expect_unread(theirs, 1)


async def test_a_frozen_tab_hands_over(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A tab that is told of its freezing lets another one lead, and is right again once it goes on."""
    leader, *others = await open_tabs(visitors, await visitors.arrive(daphne, user, path=STREAMLESS))
    await expect_unread(leader, 0)
    await leader.evaluate("document.dispatchEvent(new Event('freeze'))")  # no browser without a screen freezes one
    await tell(site, user)
    for tab in others:
        await expect_unread(tab, 1)
    assert len(visitors.streams) == 2
    await expect_unread(leader, 0)
    await leader.evaluate("document.dispatchEvent(new Event('resume'))")
    await expect_unread(leader, 1)


async def test_a_replaced_history_reaches_every_tab(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """After `renew_epochs` three tabs, one of which slept, are all live again, with few messages between them.

    Regression: a tab that woke took the others' position for a gap, and they asked each other 71,000 times in 15 s.
    """
    theirs = await visitors.arrive(daphne, other)
    first = await visitors.arrive(daphne, user, path=STREAMLESS)
    await first.context.add_init_script(COUNT_MESSAGES)
    tabs = await open_tabs(visitors, first)
    await tell(site, user)
    for tab in tabs:
        await expect_unread(tab, 1)
    await tabs[1].evaluate("document.dispatchEvent(new Event('freeze'))")
    await asyncio.to_thread(site.command, "renew_epochs", "--user", str(user.pk))
    await tell(site, user)
    for tab in (tabs[0], tabs[2]):
        await expect_unread(tab, 2)
    await tabs[1].evaluate("document.dispatchEvent(new Event('resume'))")
    await expect_unread(tabs[1], 2)
    await expect(tabs[1].locator("notification-list")).to_have_attribute("data-connection", "live")
    await tell(site, user)
    for tab in tabs:
        await expect_unread(tab, 3)
    assert sum([await tab.evaluate("window.messages") for tab in tabs]) < MOST_MESSAGES
    await tell(site, other)
    await expect_unread(theirs, 1)


async def test_seven_tabs_over_plain_http(visitors: Visitors, site: Site, user: Person, other: Person) -> None:
    """On an intranet's name there are no Web Locks: all seven tabs load and share one stream, which is handed over.

    Regression: each tab streamed, the seventh never loaded, nor did anything else of the site.
    """
    server = site.daphne(ALLOWED_HOSTS=[INTRANET, "127.0.0.1"], NOTIFICATIONS_SWEEP_SECONDS=0.2)
    url = f"http://{INTRANET}:{server.port}"
    visitors.expect_problem(
        "Cross-Origin-Opener-Policy"
    )  # Django's, which Chromium ignores over plain HTTP and says so
    first = await visitors.arrive(url, path="/accounts/login/")
    await log_in(first, user)
    await first.wait_for_url(f"{url}/")
    assert await first.evaluate("[isSecureContext, typeof navigator.locks]") == [False, "undefined"]
    tabs = [first, *[await visitors.open_tab(first, "/") for _ in range(6)]]
    await tell(site, user)
    for tab in tabs:
        await expect_unread(tab, 1)
    opened = len(visitors.streams)
    assert opened <= 3  # the first page's own, and one more where it was about to be handed over
    await tabs.pop(0).close()
    await tell(site, user)
    for tab in tabs:
        await expect_unread(tab, 2)
    assert len(visitors.streams) <= opened + 2
    await tell(site, other)
    await expect_unread(tabs[0], 2)
