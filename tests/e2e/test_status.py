"""What the list says of the connection and of what failed: one message at a time, which goes when its cause has gone."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.test_browser import LOG_OUT
from tests.support.chromium import CENTRE, Visitors, expect_unread, headings
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def open_list(visitors: Visitors, url: str, user: Person, part: str) -> tuple[Page, Locator]:
    """Open the centre or the panel; return the page and the messages of its list that can be seen."""
    page = await visitors.arrive(url, user, path=CENTRE if part == "centre" else "/")
    if part == "panel":
        await page.locator(".notification-bell").click()
    await expect(headings(page)).to_have_text(["One"])
    messages = page.locator(".notification-states").locator(
        ".notification-status:not(:empty), .notification-connection"
    )
    return page, messages.locator("visible=true")


@pytest.mark.parametrize("part", ["centre", "panel"])
async def test_one_message_replaces_another(
    visitors: Visitors, daphne: Server, site: Site, user: Person, part: str
) -> None:
    """Offline, an action that failed, back again, logged out: never two at once, none that has outlived its cause."""
    visitors.expect_problem(r"net::ERR_|NS_ERROR_|can’t establish a connection|NetworkError|Failed to fetch|403|401")
    await site.acall("notify(user, title='One').pk", user=user.pk)
    async with Proxy(daphne.port) as proxy:
        page, messages = await open_list(visitors, proxy.url, user, part)
        await expect(messages).to_have_count(0)
        proxy.accepts = False
        await page.context.set_offline(True)
        proxy.cut()
        await expect(messages).to_have_text(["You are offline. New notifications show up once you are back."])
        item = page.locator("li.notification-item")
        await item.hover()
        await item.locator("button[value=archive]").dispatch_event("click")
        await expect(messages).to_have_text([re.compile("That did not work")])
        await expect(headings(page)).to_have_text(["One"])
        proxy.accepts = True
        await page.context.set_offline(False)
        await expect(messages).to_have_count(0)
        await expect_unread(page, 1)

        await page.evaluate(LOG_OUT)
        # The page may know it before, and show no item any more.
        await page.evaluate("document.querySelector('li.notification-item button[value=archive]')?.click()")
        await expect(messages).to_have_text(["You have been logged out."])
        login = page.locator(".notification-states").get_by_role("link", name="Log in")
        path = CENTRE if part == "centre" else "/"
        await expect(login).to_have_attribute("href", f"{proxy.url}/accounts/login/?next={quote(path, safe='')}")
        await expect(page.get_by_role("button", name="Try again")).to_be_hidden()


@pytest.mark.parametrize("part", ["centre", "panel"])
async def test_a_message_says_that_it_reconnects(
    visitors: Visitors, daphne: Server, site: Site, user: Person, part: str
) -> None:
    """While the stream is lost the list says so in the place of the other messages, and no longer once it is back."""
    visitors.expect_problem(r"net::ERR_|NS_ERROR_|can’t establish a connection|503")
    await site.acall("notify(user, title='One').pk", user=user.pk)
    page, messages = await open_list(visitors, daphne.url, user, part)
    bell = page.locator("notification-bell")
    await page.route("**/notifications/stream/**", lambda route: route.abort())
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(bell).to_have_attribute("data-connection", "connecting")
    line = page.locator(".notification-connection[data-connection=connecting]")
    await line.evaluate("line => line.getAnimations().forEach((animation) => animation.finish())")
    await expect(messages).to_have_text([re.compile("Reconnecting")])
    await page.unroute_all()
    await expect(messages).to_have_count(0)
    await expect(bell).to_have_attribute("data-connection", "live")
