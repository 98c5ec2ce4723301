"""Real browsers on a real Daphne: the badge, the title and the list, live, for the right user, on every device."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.support.chromium import ADD_FORM, CENTRE, Visitors, badge, expect_unread, headings, log_in, send
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOLD_MS = 10_000  # after a logout, by the other tabs: a second where nobody else uses the machine
# As another tab does: this page stays where it is.
LOG_OUT = """async () => {
  const form = document.querySelector('form[action="/accounts/logout/"]');
  await fetch(form.action, { method: 'POST', body: new FormData(form) });
}"""
PROMISED_MS = 5000  # for a write in another process
RECONNECT_MS = 15_000  # a browser waits up to 5 s before it comes back


async def test_admin_form_moves_the_badge_of_its_user_only(
    visitors: Visitors, live: Server, user: Person, other: Person, admin: Person
) -> None:
    """What staff send in the admin shows at once on its user's open pages, without a reload, and on nobody else's."""
    home = await visitors.arrive(live, path="/accounts/login/")
    await log_in(home, user)
    centre = await visitors.open_tab(home, CENTRE)
    theirs = await visitors.arrive(live, path=f"/accounts/login/?next={CENTRE}")
    await log_in(theirs, other)
    staff = await visitors.arrive(live, path=f"/admin/login/?next={ADD_FORM}")
    await staff.get_by_label("Username").fill(admin.username)
    await staff.get_by_label("Password").fill(admin.password)
    await staff.get_by_role("button", name="Log in").click()
    for page in (home, centre, theirs):
        await expect_unread(page, 0)
        await page.evaluate("window.isSamePage = true")

    await send(staff, user, "The report is ready")
    for page in (home, centre):
        await expect_unread(page, 1)
    await expect(headings(centre)).to_have_text(["The report is ready"])
    await send(staff, other, "For you alone")
    await expect_unread(theirs, 1)  # one, after both were sent
    await expect(headings(theirs)).to_have_text(["For you alone"])
    await expect(headings(centre)).to_have_text(["The report is ready"])
    for page in (home, centre, theirs):
        assert await page.evaluate("window.isSamePage")


async def test_another_process_is_seen_within_five_seconds(
    visitors: Visitors, unhurried: Server, site: Site, user: Person, other: Person
) -> None:
    """A notification written in a shell, without Redis, moves the badge by itself."""
    mine = await visitors.arrive(unhurried, user)
    theirs = await visitors.arrive(unhurried, other)
    await expect_unread(mine, 0)
    await site.acall("notify(user, title='From a shell').pk", user=user.pk)
    await expect(badge(mine)).to_have_text("1", timeout=PROMISED_MS)
    await expect_unread(theirs, 0)


async def test_reading_shows_in_other_tabs_and_devices(
    visitors: Visitors, live: Server, site: Site, user: Person, other: Person
) -> None:
    """Marking as read, one or all, changes every open page of the user: same browser or another one."""
    people = [user.pk, other.pk]
    await site.acall(
        "[notify(pk, title=title).pk for title in ('One', 'Two', 'Three') for pk in people]", people=people
    )
    centre = await visitors.arrive(live, user, path=CENTRE)
    tab = await visitors.open_tab(centre, "/")
    device = await visitors.arrive(live, user, path=CENTRE)
    theirs = await visitors.arrive(live, other, path=CENTRE)
    mine = (centre, tab, device)
    for page in (*mine, theirs):
        await expect_unread(page, 3)

    await centre.locator(".notification-item", has_text="Two").get_by_role("button", name="Mark as read").click()
    for page in mine:
        await expect_unread(page, 2)
    for page in (centre, device):
        await expect(page.locator(".notification-item[data-read]")).to_have_count(1)
        await expect(page.locator(".notification-item[data-read]")).to_contain_text("Two")

    await device.get_by_role("button", name="Mark all as read").click()
    for page in mine:
        await expect_unread(page, 0)
    for page in (centre, device):
        await expect(page.locator(".notification-item[data-read]")).to_have_count(3)

    await device.locator(".notification-item", has_text="One").get_by_role("button", name="Archive").click()
    await device.locator(".notification-item", has_text="Two").get_by_role("button", name="More").click()
    await device.get_by_role("menuitem", name="Delete").click()
    for page in (centre, device):
        await expect(headings(page)).to_have_text(["Three"])
    await expect_unread(theirs, 3)
    await expect(headings(theirs)).to_have_text(["Three", "Two", "One"])


async def test_a_cut_connection_catches_up(
    visitors: Visitors, live: Server, site: Site, user: Person, other: Person
) -> None:
    """What happens while a page is cut off shows once it is back: each item once, in order, and no reload."""
    visitors.expect_problem(r"/notifications/stream/")
    await site.acall("notify(user, title='Before').pk", user=user.pk)
    async with Proxy(live.port) as proxy:
        mine = await visitors.arrive(proxy.url, user, path=CENTRE)
        theirs = await visitors.arrive(live, other, path=CENTRE)
        await expect_unread(mine, 1)
        await mine.evaluate("window.isSamePage = true")
        proxy.accepts = False
        proxy.cut()
        await site.acall("[notify(user, title=f'Missed {n}').pk for n in range(3)]", user=user.pk)
        await site.acall("Notification.objects.get(title='Before', recipient=user).mark_read()", user=user.pk)
        proxy.accepts = True
        titles = ["Missed 2", "Missed 1", "Missed 0", "Before"]
        await expect(headings(mine)).to_have_text(titles, timeout=RECONNECT_MS)
        await expect_unread(mine, 3)
        await expect(mine.locator(".notification-item[data-read]")).to_have_count(1)
        assert await mine.evaluate("window.isSamePage")
        await expect(headings(theirs)).to_have_count(0)
        await visitors.leave()


@pytest.mark.parametrize("is_leading", [True, False], ids=["by the tab that streams", "by another tab"])
async def test_logging_out_stops_the_other_tab(
    visitors: Visitors, live: Server, user: Person, other: Person, admin: Person, is_leading: bool
) -> None:
    """After a logout the other tab of that browser says so and hears nothing more; other devices go on.

    Regression: a tab that took the stream over after the logout got 403, which EventSource hides, and tried for ever.
    """
    visitors.expect_problem(r"(403|can’t establish a connection).*/notifications/stream/")  # as either browser puts it
    first = await visitors.arrive(live, user, path="/" if is_leading else CENTRE)
    second = await visitors.open_tab(first, CENTRE if is_leading else "/")
    home, centre = (first, second) if is_leading else (second, first)
    device = await visitors.arrive(live, user)
    theirs = await visitors.arrive(live, other)
    staff = await visitors.arrive(live, admin)
    for page in (home, centre, device, theirs):
        await expect_unread(page, 0)
    await home.get_by_role("button", name="Log out").click()
    await expect(home.get_by_role("link", name="Log in").first).to_be_visible()
    await expect(centre.locator(".notification-status")).to_have_text("You have been logged out.", timeout=TOLD_MS)
    await expect(centre.locator(".notification-item")).to_have_count(0)
    login = centre.locator(".notification-states").get_by_role("link", name="Log in")
    await expect(login).to_have_attribute("href", re.compile(r"/accounts/login/\?next=%2Fnotifications%2F$"))
    streams = len(visitors.streams)
    await send(staff, user, "Not for a closed session")
    await expect_unread(device, 1)
    await expect_unread(centre, 0)
    await expect_unread(theirs, 0)
    assert len(visitors.streams) == streams, visitors.streams[streams:]  # the admin's pages have none


@pytest.mark.parametrize("has_list", [True, False], ids=["centre", "panel"])
async def test_a_page_from_the_browsers_memory(
    visitors: Visitors, live: Server, site: Site, user: Person, has_list: bool
) -> None:
    """A page that comes back shows rows and counts only once a new stream has proved that its reader is still logged in.

    Browsers keep pages whole for "back". No test browser without a window does, so the page is told of it by hand.
    """
    visitors.expect_problem(r"(403|can’t establish a connection).*/notifications/stream/")
    await site.acall("notify(user, title='Secret').pk", user=user.pk)
    page = await visitors.arrive(live, user, path=CENTRE if has_list else "/")
    if not has_list:
        await page.locator(".notification-bell").click()
    row = page.locator(".notification-item")
    await expect(row).to_be_visible()
    leave = "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))"
    back = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    await page.evaluate(leave)
    await expect(row).to_be_hidden()
    await expect(badge(page)).to_be_hidden()
    await page.evaluate(back)
    await expect(row).to_be_visible()
    await expect_unread(page, 1)
    await page.evaluate(leave)
    await page.evaluate(LOG_OUT)
    async with page.expect_request("**/notifications/stream/**"):
        await page.evaluate(back)
    await expect(row).to_have_count(0)
    await expect(page.locator(".notification-status")).to_have_text("You have been logged out.")
    await expect_unread(page, 0)
