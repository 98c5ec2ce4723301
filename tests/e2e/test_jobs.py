"""Jobs as people see them: a bar that moves in an open page, its end, and what is left of one whose process died."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, headings, in_chromium
from tests.support.firefox import in_firefox
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


JOB_MS = 30_000  # the demo's export takes 8 s, on a busy machine more
STALLED_MS = 30_000  # hubs look every 10 s


async def start(page: Page, button: str) -> None:
    """Press a button of the home page; it leads to the centre."""
    await page.get_by_role("button", name=button).click()
    await expect(headings(page)).to_have_text(["Demo export"])


@in_chromium
async def test_a_demo_job_moves_its_bar(visitors: Visitors, live: Server, user: Person, other: Person) -> None:
    """The bar moves without a reload, in every page of that user and in nobody else's, and goes when the job is done.

    While it runs it is no news; how it ended is, and shows as a toast where the list is not.
    """
    elsewhere = await visitors.arrive(live, user, path="/")
    toast = elsewhere.locator("notification-toasts article")
    home = await visitors.arrive(live, user, path="/")
    second = await visitors.arrive(live, user, path=CENTRE)
    theirs = await visitors.arrive(live, other, path=CENTRE)
    await start(home, "Start a demo export")
    await expect_unread(home, 0)
    for page in (home, second):
        bar = page.get_by_role("progressbar", name="Progress")
        await expect(bar).to_be_visible()
        await page.evaluate("window.isSamePage = true")
        first = await bar.evaluate("bar => bar.value")
        await page.wait_for_function("first => document.querySelector('progress').value > first", arg=first)
        assert await bar.evaluate("bar => bar.max") == 400
        await expect(page.locator(".notification-item__done")).to_have_text(re.compile(r"^\d+ of 400$"))
    await expect(toast).to_have_count(0)
    await visitors.open_tab(home, CENTRE)  # what the server renders in the middle has the bar too
    await expect(home.locator(".notification-item__body").first).to_have_text("400 rows are ready.", timeout=JOB_MS)
    for page in (home, second):
        await expect(page.get_by_role("progressbar")).to_have_count(0)
        await expect(page.locator(".notification-item__done")).to_be_hidden()
        await expect(headings(page)).to_have_text(["Demo export"])
        assert await page.evaluate("window.isSamePage")
        await expect_unread(page, 1)
    await expect(toast).to_contain_text("400 rows are ready.")
    await expect(headings(theirs)).to_have_count(0)
    await expect_unread(theirs, 0)


@in_firefox
async def test_a_demo_job_fails_with_its_reason(visitors: Visitors, live: Server, user: Person) -> None:
    """The one that fails moves its bar as well, until it says why, as an error."""
    page = await visitors.arrive(live, user, path="/")
    await start(page, "Start one that fails")
    await expect(page.get_by_role("progressbar", name="Progress")).to_be_visible()
    first = await page.locator("progress").evaluate("bar => bar.value")
    await page.wait_for_function("first => document.querySelector('progress').value > first", arg=first)
    item = page.locator(".notification-item[data-level=error]")
    await expect(item).to_contain_text("The file grew beyond 100 MB.", timeout=JOB_MS)
    await expect(page.get_by_role("progressbar")).to_have_count(0)


@in_chromium
async def test_a_job_whose_process_was_killed_is_stalled(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """The open page learns of it from the server, by itself; the bar stays where it stood."""
    page = await visitors.arrive(daphne, user, path=CENTRE)
    worker = site.shell()
    worker.call(
        "from notifications import track; job = track(user, title='Import', total=10).__enter__()\njob.advance(4)",
        user=user.pk,
    )
    bar = page.get_by_role("progressbar", name="Progress")
    await expect(bar).to_be_visible()
    await expect(bar).to_have_js_property("value", 4)
    worker.kill()
    long_ago = "timezone.now() - datetime.timedelta(minutes=1)"
    site.call(
        "import datetime; from django.utils import timezone; from notifications.models.job import RunningJob; "
        f"RunningJob.objects.update(beat_at={long_ago})"
    )
    item = page.locator(".notification-item[data-level=warning]")
    await expect(item).to_contain_text(re.compile("not reported"), timeout=STALLED_MS)
    assert await bar.evaluate("bar => [bar.value, bar.max]") == [4, 10]
    await expect_unread(page, 1)
