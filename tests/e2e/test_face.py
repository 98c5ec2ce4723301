"""What the list looks like: how much of it one sees, what moves while it loads, and what stands beside it."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, in_chromium
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ITEM: Final = ".notification-item"
# What a team sends on a day: people and systems, short and long, with and without a text.
SEND: Final = """
events = [
    ("Noor Haddad invited you to Website relaunch", "Noor Haddad", "You can comment and edit.", "info"),
    ("Invoice 2041 has been paid", "", "€ 1,280.00 arrived by bank transfer.", "success"),
    ("Maintenance on Sunday", "", "From 06:00 to 06:30 UTC the site can be read, but nothing can be changed.", "warning"),
    ("Build 876 has failed", "", "“lint” stopped after two minutes.", "error"),
    ("Uma Patel shared Figures for October with you", "Uma Patel", "", "info"),
    ("Sara Okafor asks you to approve an expense", "Sara Okafor", "€ 412.50 · Train tickets, Berlin–Vienna", "info"),
    ("Sara Okafor commented on Release plan", "Sara Okafor", "“Finance needs the changelog by Tuesday noon then.”", "info"),
    ("Your export could not be finished", "", "The file grew beyond 100 MB. Choose a shorter period.", "error"),
    ("Li Wei assigned Fix the header to you", "Li Wei", "Due on Thursday · Website relaunch", "info"),
    ("Ada Lovelace mentioned you in Figures for October", "Ada Lovelace", "“Can you look at it before Thursday?”", "info"),
]
[notify(user, title=title, actor=actor, body=body, level=level).pk for title, actor, body, level in events]
"""
# Of the items, how many are wholly in a box, such as the panel's or the window's.
COUNT_WHOLE: Final = """(items) => {
  const panel = items[0].closest(".notification-panel")?.getBoundingClientRect();
  const bottom = Math.min(panel?.bottom ?? innerHeight, innerHeight);
  return items.filter((item) => item.getBoundingClientRect().bottom <= bottom).length;
}"""
LIGHT: Final = "rgb(255, 255, 255)"
DARK: Final = "rgb(22, 23, 27)"
# A rule of the site's own style sheet: one that is made in a page needs no policy's leave.
RULE: Final = """(rule) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rule);
  document.adoptedStyleSheets.push(sheet);
}"""
# How far things moved that nobody asked to move: https://web.dev/articles/cls
SHIFT: Final = """() => new Promise((done) => {
  let shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(shift), 500);
})"""


async def count_whole(page: Page) -> int:
    """Return how many items one sees without scrolling."""
    await expect(page.locator(ITEM).first).to_be_visible()
    return int(await page.locator(ITEM).evaluate_all(COUNT_WHOLE))


@in_chromium
@pytest.mark.parametrize(
    ("width", "height", "least"), [(1440, 900, 8), (390, 844, 5), (320, 256, 1)], ids=["laptop", "phone", "400 %"]
)
async def test_the_centre_shows_many_and_nothing_jumps(
    width: int, height: int, least: int, visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """So many whole items are in view, and what is there while the page loads stays where it is."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, path=CENTRE, viewport={"width": width, "height": height})
    await page.locator("notification-list[data-connection=live]").wait_for()
    assert await page.evaluate(SHIFT) <= 0.02
    if height == 256:
        await page.locator(ITEM).first.scroll_into_view_if_needed()
    assert await count_whole(page) >= least


@in_chromium
async def test_the_panel_shows_many(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Six whole items at least stand in a panel of 640 px."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, viewport={"width": 1440, "height": 900})
    await page.locator(".notification-bell").click()
    assert await count_whole(page) >= 6
    box = await page.locator(".notification-panel").bounding_box()
    assert box is not None
    assert box["height"] <= 642


@in_chromium
async def test_a_site_chooses_density_and_scheme(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """An attribute around a list makes its rows low; `color-scheme`, by any rule of the site, makes it dark or light."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(
        daphne, user, path=CENTRE, viewport={"width": 1440, "height": 900}, color_scheme="dark"
    )
    rows, columns = page.locator(ITEM), page.locator(".notification-columns")
    await expect(columns).to_have_css("background-color", DARK)  # as the system has it
    await page.locator("html").evaluate("html => html.dataset.density = 'compact'")
    assert await rows.evaluate_all("rows => Math.max(...rows.map((row) => row.offsetHeight))") <= 40
    assert await count_whole(page) == 10
    await expect(page.locator(".notification-item__body:visible")).to_have_count(0)
    await page.locator("html").evaluate("html => delete html.dataset.density")
    assert await rows.evaluate_all("rows => Math.min(...rows.map((row) => row.offsetHeight))") >= 50
    for scheme, colour in (("light", LIGHT), ("dark", DARK)):
        await page.evaluate(RULE, f".mine-{scheme} {{ color-scheme: {scheme} }}")
        await page.locator("body").evaluate("(body, name) => { body.className = name }", f"mine-{scheme}")
        await expect(columns).to_have_css("background-color", colour)


async def test_a_low_window_has_no_panel(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Where a panel would hide all and show nothing, the bell is a link."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, viewport={"width": 320, "height": 256})
    await page.locator("notification-bell[data-connection=live]").wait_for()
    await page.locator(".notification-bell").click()
    await expect(page).to_have_url(re.compile(f"{CENTRE}$"))


async def test_what_is_chosen_stands_beside_a_wide_list(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """A click anywhere in a row shows it in the pane, marks it as read, and leaves the list where it is."""
    await site.acall(SEND, user=user.pk)
    theirs = await visitors.arrive(daphne, other, path=CENTRE)
    page = await visitors.arrive(daphne, user, path=CENTRE, viewport={"width": 1440, "height": 900})
    await page.locator("notification-list[data-connection=live]").wait_for()
    row = page.locator(ITEM, has_text="Invoice 2041")
    await row.click()
    await expect(page.locator(".notification-view .notification-detail__title")).to_have_text(
        "Invoice 2041 has been paid"
    )
    await expect(row).to_have_attribute("aria-current", "true")
    await expect(row).to_have_attribute("data-read", "")
    await expect_unread(page, 9)
    await expect(page).to_have_url(re.compile(f"{CENTRE}$"))
    await page.locator(".notification-detail__archive").click()
    await expect(row).to_have_count(0)
    await expect(page.locator(".notification-detail__archive")).to_have_text("Move to inbox", use_inner_text=True)
    await page.locator(".notification-undo__button").click()
    await expect(row).to_have_count(1)
    await page.locator(".notification-detail__delete").click()
    await expect(row).to_have_count(0)
    await expect(page.locator(".notification-view__hint")).to_be_visible()
    await expect_unread(theirs, 0)


@in_chromium
async def test_a_click_that_came_to_nothing_is_told(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Where the chosen one cannot be fetched the list says so, once, and the next one that can takes that back."""
    visitors.expect_problem("net::ERR_|404")
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, path=CENTRE, viewport={"width": 1440, "height": 900})
    await page.locator("notification-list[data-connection=live]").wait_for()
    status, rows = page.locator(".notification-status"), page.locator(ITEM)
    await page.route("**/?part=preview", lambda route: route.abort())
    await rows.first.click()
    await expect(status).to_contain_text("That did not work")
    await expect(page.locator(f"{ITEM}[aria-current]")).to_have_count(0)
    await expect(page.locator(".notification-view__hint")).to_be_visible()
    await page.unroute_all()
    await rows.first.click()
    await expect(page.locator(".notification-detail__title")).to_be_visible()
    await expect(status).to_be_empty()


@in_chromium
async def test_days_have_heads(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Each day has one, what comes by the stream stands under today's, and none is left over when its items go."""
    page = await visitors.arrive(daphne, user, path=CENTRE)
    heads = page.locator(".notification-day")
    await expect(heads).to_have_count(0)
    await site.acall(SEND, user=user.pk)
    await expect(heads).to_have_text(["Today"])
    await site.acall("Notification.objects.filter(recipient=user).archive()", user=user.pk)
    await expect(heads).to_have_count(0)
