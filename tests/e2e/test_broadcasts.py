"""Broadcasts in a browser: compose, review, test, send, watch, pause, resume, cancel, retract; also without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import Visitors, expect_unread, headings
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def each_browser(browser: Browser) -> Browser:
    """Chromium alone, as these are pages of Django's admin; what readers see of it is in test_browser, in both."""
    return browser


ADD: Final = "/admin/live_notifications/broadcast/add/"
STATE: Final = ".notification-state"
CROWD: Final = 400
USERS_PER_SECOND: Final = 100  # the crowd takes seconds, in which a person can pause


@pytest.fixture(scope="module")
def office(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a crowd in a group, that sends slowly."""
    settings = {"NOTIFICATIONS_SEND_USERS_PER_SECOND": USERS_PER_SECOND, "NOTIFICATIONS_SEND_POLL_SECONDS": 0.2}
    with Site(tmp_path_factory.mktemp("office"), blank=blank, settings=settings) as site:
        site.call(
            "from django.contrib.auth.models import Group\n"
            "group = Group.objects.create(name='crowd')\n"
            "group.user_set.set(User.objects.bulk_create(User(username=f'crowd{n}') for n in range(count)))",
            count=CROWD,
        )
        yield site


@pytest.fixture(scope="module")
def desk(office: Site) -> Server:
    """Its server: nothing else runs."""
    return office.daphne()


@pytest.fixture
def ada(office: Site) -> Person:
    """Someone who may do everything."""
    return office.add_person("ada", is_admin=True)


@pytest.fixture
def uma(office: Site) -> Person:
    """Someone who reads."""
    return office.add_person("uma")


async def compose(page: Page, title: str, *, audience: str = "Everyone", group: str = "") -> None:
    """Fill in the form and go on to the review."""
    await page.goto(ADD)
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Text", exact=False).first.fill("From 22:00 to 22:30.")
    await page.get_by_label(audience, exact=True).check()
    if group:
        await page.get_by_label(group).check()
    await page.get_by_role("button", name="Save and review").click()
    await expect(page.get_by_role("heading", name="Who gets it")).to_be_visible()


async def press(page: Page, name: str) -> None:
    """Press a button of the page."""
    await page.get_by_role("button", name=name).click()


async def rows(office: Site, title: str) -> int:
    """Return how many users have it."""
    count: int = await office.acall(
        "Notification.objects.filter(title=title, broadcast__isnull=False).count()", title=title
    )
    return count


async def test_compose_review_test_and_send(
    office: Site, desk: Server, visitors: Visitors, ada: Person, uma: Person
) -> None:
    """Staff see how many get it and how it looks, try it on themselves, send it; open pages show it at once."""
    title = f"Maintenance tonight {ada.username}"
    reader = await visitors.arrive(desk, uma)
    page = await visitors.arrive(desk, ada, path=ADD)
    await expect(page.locator(".field-groups")).to_be_hidden()
    await compose(page, title)
    await expect(page.locator(".notification-reach")).to_contain_text("people")
    await expect(page.locator(".notification-sample")).to_contain_text("crowd0")
    await expect(page.locator(".notification-preview .notification-item__link")).to_have_text(title)
    await press(page, "Send a test to myself")
    await expect(page.locator(".messagelist .success")).to_contain_text("A test was sent to you")
    assert await office.acall("Notification.objects.filter(title=title).count()", title=title) == 1
    await expect_unread(reader, 0)
    await press(page, "Send to")
    await expect(page.locator(STATE).first).to_have_text("Sending")
    await expect(page.locator(STATE).first).to_have_text("Sent", timeout=30_000)
    await expect_unread(reader, 1)
    everybody = await office.acall("User.objects.filter(is_active=True).count()")
    assert await rows(office, title) == everybody
    await expect(page.locator(".notification-history")).to_contain_text("Sent to everybody.")


async def test_watch_pause_resume_and_retract(
    office: Site, desk: Server, visitors: Visitors, ada: Person, uma: Person
) -> None:
    """The bar moves without a reload; pausing stops it, resuming goes on; retracting empties every inbox and open page."""
    title = f"Door code {ada.username}"
    await office.acall("User.objects.get(pk=pk).groups.set([1])", pk=uma.pk)
    page = await visitors.arrive(desk, ada, path=ADD)
    reader = await visitors.arrive(desk, uma, path="/notifications/")
    await compose(page, title, audience="Groups", group="crowd")
    await press(page, "Send to")
    # the bell stands in the body there, and its style after that of the list
    await expect(page.locator(".notification-preview .notification-item__link")).to_have_text(title)
    await expect(page.locator(".notification-preview .notification-item__link")).to_be_visible()
    await page.evaluate("window.isSamePage = true")
    count = page.locator(".notification-progress__count")
    for _ in range(2):
        seen = await count.inner_text()
        await expect(count).not_to_have_text(seen)
    assert await page.evaluate("window.isSamePage") is True
    await expect(page.locator(".notification-progress__rate")).to_contain_text("a second")
    await expect(page.locator(".notification-progress__left")).to_contain_text("left")
    await press(page, "Pause")
    await expect(page.locator(STATE).first).to_have_text("Paused")
    paused_at = await rows(office, title)
    assert 0 < paused_at < CROWD
    await press(page, "Resume")
    await expect(page.locator(STATE).first).to_have_text("Sent", timeout=30_000)
    crowd = await office.acall("User.objects.filter(groups=1).count()")
    assert await rows(office, title) == crowd
    await expect(headings(reader)).to_have_text([title])
    await page.get_by_text("Retract…").click()
    await press(page, "Retract it from everybody")
    await expect(page.locator(STATE).first).to_have_text("Retracted", timeout=30_000)
    assert await rows(office, title) == 0
    await expect(headings(reader)).to_have_count(0)
    await expect_unread(reader, 0)


async def test_a_colleague_watches_too(office: Site, desk: Server, visitors: Visitors, ada: Person) -> None:
    """The page of somebody who did not send it moves without a click or a reload, and sees that it was paused."""
    title = f"Watched {ada.username}"
    page = await visitors.arrive(desk, ada, path=ADD)
    await compose(page, title, audience="Groups", group="crowd")
    await press(page, "Send to")
    colleague = await visitors.arrive(
        desk, office.add_person("bea", is_admin=True), path=page.url.removeprefix(desk.url)
    )
    await colleague.evaluate("window.isSamePage = true")
    await expect(colleague.get_by_role("button", name="Watch live")).to_be_hidden()
    count = colleague.locator(".notification-progress__count")
    seen = await count.inner_text()
    await expect(count).not_to_have_text(seen)
    assert await colleague.evaluate("window.isSamePage") is True
    await press(page, "Pause")
    await expect(colleague.locator(STATE).first).to_have_text("Paused")
    await press(page, "Cancel the rest")
    await expect(colleague.locator(STATE).first).to_have_text("Cancelled")


async def test_cancel_without_javascript(office: Site, desk: Server, visitors: Visitors, ada: Person) -> None:
    """Every step is a form; a reload shows how far it is."""
    title = f"Never mind {ada.username}"
    page = await visitors.arrive(desk, ada, path=ADD, has_javascript=False)
    await compose(page, title, audience="Groups", group="crowd")
    await press(page, "Send to")
    await expect(page.locator(STATE).first).to_have_text("Sending")
    await press(page, "Cancel the rest")
    await expect(page.locator(STATE).first).to_have_text("Cancelled")
    await expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    cancelled_at = await rows(office, title)
    assert cancelled_at < CROWD
    await page.reload()
    await expect(page.locator(".notification-progress__count")).to_contain_text(f"{cancelled_at} of ")


async def test_second_of_two_who_send_a_draft_is_told(
    office: Site, desk: Server, visitors: Visitors, ada: Person
) -> None:
    """Two people have the review open; the one who comes later reads who was quicker, and nothing is sent twice."""
    title = f"Only once {ada.username}"
    ben = office.add_person("ben", is_admin=True)
    first = await visitors.arrive(desk, ada, path=ADD)
    await compose(first, title, audience="Staff")
    second = await visitors.arrive(desk, ben, path=first.url)
    await press(first, "Send to")
    await expect(first.locator(STATE).first).to_have_text("Sent", timeout=30_000)
    await press(second, "Send to")
    await expect(second.locator(".messagelist .error")).to_contain_text(
        f"{ada.username.capitalize()} acted first: “{title}” is now sent"
    )
    staff = await office.acall("User.objects.filter(is_staff=True).count()")
    assert await rows(office, title) == staff
