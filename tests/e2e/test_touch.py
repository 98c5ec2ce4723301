"""Fingers: an item is swiped, and its menu has all that can be done with it, in words, for keys as well."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, headings, in_chromium
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ITEM = "li.notification-item"
LOADED = """performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => /swipe|item_menu/.test(name))"""


async def arrive(visitors: Visitors, server: Server, site: Site, user: Person, **look: Any) -> Page:
    """Open a centre with three notifications, the newest of them called Third."""
    titles = ["First", "Second", "Third"]
    await site.acall(
        "[notify(user, title=title, url='/?' + title).pk for title in titles]", user=user.pk, titles=titles
    )
    page = await visitors.arrive(server, user, path=CENTRE, **look)
    await expect(headings(page)).to_have_text(titles[::-1])
    return page


async def swipe(page: Page, item: Locator, *, by: float, ends: bool = True) -> None:
    """Draw a finger over an item, slowly, by a part of its width."""
    devtools = await page.context.new_cdp_session(page)
    box = await item.bounding_box()
    assert box is not None
    start, middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    steps = 10
    places = [start + by * box["width"] * step / steps for step in range(steps + 1)]

    async def touch(kind: str, *points: float) -> None:
        await devtools.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": middle} for x in points]}
        )

    await touch("touchStart", places[0])
    for place in places[1:]:
        await page.wait_for_timeout(20)  # of fingers, not of machines
        await touch("touchMove", place)
    await page.wait_for_timeout(150)  # it rests, so that only the way counts
    await touch("touchMove", places[-1])
    if ends:
        await touch("touchEnd")


async def open_menu(page: Page, title: str) -> Locator:
    """Press the "…" of an item; return its menu."""
    item = page.locator(ITEM, has_text=title)
    await item.hover()
    await item.locator(".notification-item__more").click()
    menu = page.get_by_role("menu", name=title)
    await expect(menu).to_be_visible()
    return menu


@in_chromium
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_an_item_is_swiped(visitors: Visitors, daphne: Server, site: Site, user: Person, direction: str) -> None:
    """Towards its end it is read, and unread again; towards its start it goes to the archive, with undo; less is nothing."""
    page = await arrive(visitors, daphne, site, user, **PHONE)
    await page.evaluate("direction => { document.dir = direction }", direction)
    end = 1 if direction == "ltr" else -1
    item = page.locator(ITEM).first
    await swipe(page, item, by=0.45 * end, ends=False)
    await expect(item).to_have_attribute("data-swipe-label", "Mark as read")
    await expect(item).to_have_attribute("data-swipe-armed", "")
    await page.locator("body").dispatch_event("pointercancel")  # the browser takes the finger for something else
    await expect(item).not_to_have_attribute("data-swipe", "read")
    await page.reload()
    await page.evaluate("direction => { document.dir = direction }", direction)

    await swipe(page, item, by=0.45 * end)
    await expect(item).to_have_attribute("data-read", "")
    await expect_unread(page, 2)
    await expect(item).to_have_css("translate", "none")
    await swipe(page, item, by=0.3 * end)  # slowly, and not far enough
    await swipe(page, item, by=0.45 * end)
    await expect(item).not_to_have_attribute("data-read", "")
    await swipe(page, item, by=-0.45 * end)
    await expect(headings(page)).to_have_text(["Second", "First"])
    await expect(page.locator(".notification-undo")).to_contain_text("“Third” archived")  # once the server has it
    await page.get_by_role("button", name="Undo").click()
    await expect(headings(page)).to_have_text(["Third", "Second", "First"])
    assert page.url.endswith(CENTRE)  # no link was followed


@in_chromium
async def test_only_a_finger_loads_swiping(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A page without a coarse pointer never asks for that module, and none asks for the menu before its first use."""
    for look, has_swiping in (({}, False), (PHONE, True)):
        page = await arrive(visitors, daphne, site, user, **look)
        await page.evaluate("new Promise((done) => requestIdleCallback(done))")
        assert bool(await page.evaluate(LOADED)) == has_swiping
        await open_menu(page, "Third")
        assert any("item_menu" in name for name in await page.evaluate(LOADED))
        await site.acall("Notification.objects.filter(recipient=user).delete()", user=user.pk)


async def test_a_menu_has_all_actions(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """It names what can be done with the item as it is, does it as the row's own buttons do, and is within the window."""
    page = await arrive(visitors, daphne, site, user, viewport={"width": 320, "height": 568})
    menu = await open_menu(page, "Third")
    words = menu.locator("[role=menuitem]:visible > span")
    await expect(words).to_have_text(["Open", "Mark as read", "Archive", "Delete"])
    await expect(page.locator("[aria-expanded=true] > .notification-tip")).to_have_css("opacity", "0")
    box = await menu.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 320
    assert 0 <= box["y"] <= box["y"] + box["height"] <= 568
    await menu.get_by_role("menuitem", name="Mark as read").click()
    await expect(menu).to_be_hidden()
    await expect_unread(page, 2)
    menu = await open_menu(page, "Third")
    await expect(words).to_have_text(["Open", "Mark as unread", "Archive", "Delete"])
    await menu.get_by_role("menuitem", name="Archive").click()
    await expect(headings(page)).to_have_text(["Second", "First"])
    menu = await open_menu(page, "Second")
    await menu.get_by_role("menuitem", name="Delete").click()
    await expect(headings(page)).to_have_text(["First"])
    menu = await open_menu(page, "First")
    await menu.get_by_role("menuitem", name="Open").click()
    await page.wait_for_url("**/?First")


async def test_a_menu_is_used_by_keys(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Arrows go round, Escape returns to the row and closes nothing else, and no key of the list acts meanwhile."""
    page = await arrive(visitors, daphne, site, user)
    await page.goto("/")
    await page.locator(".notification-bell").click()
    panel = page.locator(".notification-panel")
    await expect(headings(page)).to_have_count(3)
    menu = await open_menu(page, "Second")
    entry = menu.get_by_role("menuitem")
    await expect(entry.first).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(menu.get_by_role("menuitem", name="Delete")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("menuitem", name="Mark as read")).to_be_focused()
    await page.keyboard.press("e")
    await expect(headings(page)).to_have_count(3)
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(panel).to_be_visible()
    await expect(page.locator(ITEM, has_text="Second").locator(".notification-item__more")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(menu).to_be_visible()
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await expect(headings(page)).to_have_text(["Third", "First"])
