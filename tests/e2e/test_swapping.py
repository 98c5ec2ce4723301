"""Sites that swap the body instead of loading a page (htmx's `hx-boost`, Turbo Drive): whose bell it is may change there."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from playwright.async_api import Page, expect

from tests.support.chromium import Visitors, badge, expect_unread, log_in
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

SWAPPED = "window.isSamePage === true"


@pytest.fixture(scope="module")
def swapping(site: Site) -> Server:
    """The site on Daphne, with htmx or Turbo in its pages."""
    middleware = [*settings.MIDDLEWARE, "tests.support.swapping.swap_bodies"]
    return site.daphne(ROOT_URLCONF="tests.support.swapping", MIDDLEWARE=middleware, NOTIFICATIONS_SWEEP_SECONDS=0.2)


@pytest.fixture(params=["htmx", "turbo"])
def by(request: pytest.FixtureRequest) -> str:
    """What swaps the bodies."""
    name: str = request.param
    return name


async def arrive(visitors: Visitors, server: Server, person: Person, by: str) -> Page:
    """Open the home page of somebody who is logged in, and mark the document."""
    # Turbo's bar is styled by an inline style; a stream of a session that is over is refused, as the browser notes
    visitors.expect_problem(r"inline style|403|can’t establish a connection")
    page = await visitors.arrive(server, person, path=f"/?by={by}")
    await page.evaluate("window.isSamePage = true")
    return page


async def change_user(page: Page, person: Person) -> None:
    """Log out and in as somebody else, in one document."""
    await page.get_by_role("button", name="Log out").click()
    await page.get_by_role("link", name="Log in").first.click()
    await log_in(page, person)
    await expect(page.locator(".who")).to_have_text(person.username)
    assert await page.evaluate(SWAPPED)


async def test_the_next_user_sees_only_their_own(
    visitors: Visitors, swapping: Server, site: Site, user: Person, other: Person, by: str
) -> None:
    """Who logs in after somebody else in one document has their own count, list and stream, and nothing of the other's.

    Regression: store and line were made once for a document, and showed the former reader's count for good.
    """
    await site.acall("[notify(user, title=f'Mine {n}').pk for n in range(3)]", user=user.pk)
    await site.acall("notify(user, title='Theirs').pk", user=other.pk)
    page = await arrive(visitors, swapping, user, by)
    await expect_unread(page, 3)
    await change_user(page, other)
    await expect_unread(page, 1)
    await page.locator(".notification-bell").click()
    await expect(page.locator(".notification-panel .notification-item__link")).to_have_text(["Theirs"])
    await page.keyboard.press("Escape")
    await site.acall("notify(user, title='Not for them').pk", user=user.pk)
    await site.acall("notify(user, title='Theirs as well').pk", user=other.pk)
    await expect_unread(page, 2)
    await expect(page.locator(".notification-panel .notification-item__link").first).to_have_text("Theirs as well")
    assert await page.evaluate(SWAPPED)


async def test_the_panel_opens_in_place(
    visitors: Visitors, swapping: Server, site: Site, user: Person, by: str
) -> None:
    """A click on the bell opens its panel, a button in it acts once, and the page below stays where it is."""
    await site.acall("[notify(user, title=f'Number {n}').pk for n in range(2)]", user=user.pk)
    page = await arrive(visitors, swapping, user, by)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    for _ in range(2):  # after a swap as well
        await page.locator(".notification-bell").click()
        await expect(page.locator(".notification-panel .notification-item")).to_have_count(2)
        await expect(page).to_have_url(re.compile(r"/(\?by=\w+)?$"))
        await page.keyboard.press("Escape")
        await page.locator(".brand").click()
        await expect(page.locator(".notification-panel .notification-item")).to_have_count(0)
    posts.clear()
    await page.locator(".notification-bell").click()
    await page.locator(".notification-panel .notification-item").first.get_by_role("button", name="Archive").click()
    await expect(page.locator(".notification-panel .notification-item")).to_have_count(1)
    await expect_unread(page, 1)
    assert [url.partition("/notifications/")[2] for url in posts if "selection" in url] == ["selection/"]
    assert await page.evaluate(SWAPPED)


async def test_the_title_has_one_count(visitors: Visitors, swapping: Server, site: Site, user: Person, by: str) -> None:
    """However often bodies are swapped and kept ones brought back, the title has the count once, and the right one."""
    await site.acall("[notify(user, title=f'Number {n}').pk for n in range(2)]", user=user.pk)
    page = await arrive(visitors, swapping, user, by)
    await expect(page).to_have_title("(2) Live notifications · notifyproj")
    await page.get_by_role("link", name="Open your notifications").click()
    await expect(page).to_have_title("(2) Notifications · notifyproj")
    await site.acall("notify(user, title='Third').pk", user=user.pk)
    await expect(page).to_have_title("(3) Notifications · notifyproj")
    await page.go_back()
    await expect(page).to_have_title("(3) Live notifications · notifyproj")
    await page.go_forward()
    await expect(page).to_have_title("(3) Notifications · notifyproj")
    await expect(page.locator(".notification-item__link").first).to_have_text("Third")


async def test_going_back_after_a_logout_shows_nothing(
    visitors: Visitors, swapping: Server, site: Site, user: Person, by: str
) -> None:
    """A body that was kept comes back without count and rows, for whoever may sit there by now."""
    await site.acall("notify(user, title='Secret').pk", user=user.pk)
    page = await arrive(visitors, swapping, user, by)
    await page.get_by_role("link", name="Open your notifications").click()
    await expect(page.locator(".notification-item__link")).to_have_text(["Secret"])
    await page.evaluate(
        """() => {
          window.shown = 0;
          const look = () => {
            const row = document.querySelector('.notification-list > .notification-item');
            if (row && getComputedStyle(row).visibility === 'visible' && !window.isLoggedIn) window.shown += 1;
            requestAnimationFrame(look);
          };
          window.isLoggedIn = true;
          look();
        }"""
    )
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("link", name="Log in").first).to_be_visible()
    await page.evaluate("window.isLoggedIn = false")
    await page.go_back()
    await page.wait_for_function("!document.querySelector('.notification-list > .notification-item')")
    await expect(badge(page)).to_be_hidden()
    await expect(page).to_have_title(re.compile(r"^[^(]"))
    if await page.evaluate(SWAPPED):
        assert await page.evaluate("window.shown") == 0
