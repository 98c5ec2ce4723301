"""What the list looks like: how much of it one sees, what moves while it loads, and what stands beside it."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import pytest
from playwright.async_api import Page, Route, expect

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


@in_chromium
async def test_tools_show_where_one_points(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A row has no words of buttons: signs and the box come with the pointer, and deleting stands in the menu alone."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, path=CENTRE, viewport={"width": 1440, "height": 900})
    await page.locator("notification-list[data-connection=live]").wait_for()
    row = page.locator(ITEM).nth(1)
    tools, box, avatar = (row.locator(f".notification-{name}") for name in ("item__actions", "item__choice", "avatar"))
    for part in (tools, box):
        await expect(part).to_have_css("opacity", "0")
    await expect(avatar).to_have_css("visibility", "visible")
    await row.hover()
    for part in (tools, box):
        await expect(part).to_have_css("opacity", "1")
    await expect(avatar).to_have_css("visibility", "hidden")
    await expect(row.locator(".notification-item__delete")).to_be_hidden()
    assert await tools.locator("button:visible").count() == 3  # read, archive, more
    assert await tools.locator("button:visible").evaluate_all("all => all.every((each) => each.offsetWidth <= 28)")


@in_chromium
async def test_a_long_text_is_a_line(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Of 4,000 characters a list shows one line, on a phone two; the page of the notification shows all of them.

    Regression: they stood in the list, 2,854 px high on a phone.
    """
    await site.acall("notify(user, title='Long', body='word ' * 799 + 'end').pk", user=user.pk)
    page = await visitors.arrive(daphne, user, path=CENTRE, viewport={"width": 390, "height": 844})
    row = page.locator(ITEM)
    assert await row.evaluate("row => row.offsetHeight") <= 82
    await page.set_viewport_size({"width": 1440, "height": 900})
    assert await row.evaluate("row => row.offsetHeight") <= 62
    await page.goto(await page.locator(".notification-item__link").get_attribute("href") or "")
    await expect(page.locator(".notification-detail__body")).to_have_text(re.compile(r" end$"))
    assert await page.locator(".notification-detail__body").evaluate("body => body.scrollHeight > 300")


@in_chromium
async def test_forced_colours_mark_one_tab(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Where the system chooses the colours one tab, one list and the chosen rows have a frame, and no other.

    Regression: the transparent border of each tab became visible, so that all three looked current.
    """
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(
        daphne, user, path=CENTRE, viewport={"width": 1440, "height": 900}, forced_colors="active"
    )
    await page.locator("notification-list[data-connection=live]").wait_for()
    framed = "all => all.map((each) => getComputedStyle(each).outlineStyle === 'solid')"
    assert await page.locator(".notification-tabs__tab:visible").evaluate_all(framed) == [True, False]
    assert (await page.locator(".notification-nav__link").evaluate_all(framed)).count(True) == 1
    await page.locator(".notification-item__select").nth(2).check(force=True)
    assert [number for number, is_framed in enumerate(await page.locator(ITEM).evaluate_all(framed)) if is_framed] == [
        2
    ]


@in_chromium
async def test_paper_has_no_buttons(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A printed list is what was said, whole: no boxes, fields or buttons."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, path=CENTRE, viewport={"width": 1000, "height": 900})
    await page.locator("notification-list[data-connection=live]").wait_for()
    await page.emulate_media(media="print")
    columns = page.locator(".notification-columns")
    await expect(columns.locator(":is(button, input, select, summary):visible")).to_have_count(0)
    await expect(page.locator(ITEM).first.locator(".notification-item__link")).to_be_visible()
    await expect(page.locator(".notification-view")).to_be_hidden()  # nothing was chosen
    lines = "all => all.map((each) => getComputedStyle(each).webkitLineClamp)"
    assert set(await page.locator(".notification-item__body").evaluate_all(lines)) == {"none"}


@in_chromium
async def test_the_panel_opens_in_its_size(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """While its list is on its way it is as high as it will be with it, but for a row, and says that it waits."""
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, viewport={"width": 1440, "height": 900})
    waiting = asyncio.Event()

    async def hold(route: Route) -> None:
        await waiting.wait()
        await route.continue_()

    await page.route("**/*part=panel*", hold)
    await page.locator(".notification-bell").click()
    panel = page.locator(".notification-panel")
    await expect(panel.locator(".notification-skeleton")).to_be_visible()
    before = await panel.bounding_box()
    waiting.set()
    await expect(panel.locator(ITEM).first).to_be_visible()
    after = await panel.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["height"] - after["height"]) <= 60


@in_chromium
async def test_undo_hides_no_button(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """In the panel it stands at the foot, whole, and what it says and offers can be read and pressed.

    Regression: it lay on "All notifications", and both could not be read.
    """
    await site.acall(SEND, user=user.pk)
    page = await visitors.arrive(daphne, user, viewport={"width": 1440, "height": 900})
    await page.locator(".notification-bell").click()
    panel = page.locator(".notification-panel")
    await panel.locator(ITEM).first.hover()
    await panel.locator(".notification-item__archive").first.click()
    undo = panel.locator(".notification-undo")
    await expect(undo).to_contain_text("“Ada Lovelace mentioned you")
    outer, inner = await panel.bounding_box(), await undo.bounding_box()
    assert outer is not None
    assert inner is not None
    assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] - 8
    under = """undo => undo.querySelectorAll("button").values().every((button) => {
      const { left, top, width, height } = button.getBoundingClientRect();
      return button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
    })"""
    assert await undo.evaluate(under)
    await undo.locator("button").click()
    await expect(panel.locator(ITEM)).to_have_count(10)
