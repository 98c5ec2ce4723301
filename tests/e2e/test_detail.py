"""A notification at its own address, in a real browser: it is read by being looked at, and kept right by the stream."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.axe import violations
from tests.support.chromium import CENTRE, Visitors, expect_unread
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND = "notify(user, **content).pk"
STATE = "[(row.is_read, row.is_archived) for row in Notification.objects.filter(pk=pk)][0]"


async def send(site: Site, person: Person, **content: str) -> int:
    """Send one, and return its key."""
    pk: int = await site.acall(SEND, user=person.pk, content=content)
    return pk


async def state(site: Site, pk: int) -> tuple[bool, bool]:
    """Return whether it is read and archived, as stored."""
    is_read, is_archived = await site.acall(STATE, pk=pk)
    return is_read, is_archived


async def test_looking_at_it_marks_it_as_read(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """By a request of the script, and once: what its reader marks as unread then stays so."""
    pk = await send(site, user, title="Figures for October", body="See https://example.com/.", topic="t")
    await send(site, user, title="Another")
    await send(site, other, title="Secret")
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}{pk}/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Figures for October")
    await expect(page.get_by_role("link", name="https://example.com/")).to_be_visible()
    await expect_unread(page, 1)
    assert await state(site, pk) == (True, False)
    await page.get_by_role("button", name="Mark as unread").click()
    await expect_unread(page, 2)
    await expect(page.get_by_role("button", name="Mark as read")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Marked as unread")).to_be_visible()
    assert await state(site, pk) == (False, False)
    assert await violations(page) == []


async def test_its_buttons_act_at_once_and_can_be_taken_back(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """Archive, move to inbox, delete, undo, by buttons and by keys; the page stays."""
    pk = await send(site, user, title="One")
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}{pk}/")
    await expect_unread(page, 0)
    await page.keyboard.press("e")
    await expect(page.get_by_role("button", name="Move to inbox")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("button", name="Archive")).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="One")).to_be_hidden()
    await expect(page.get_by_role("button", name="Undo")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="One")).to_be_visible()
    assert await state(site, pk) == (True, False)


async def test_what_happens_elsewhere_shows(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """Read with all, archived, edited, deleted and brought back, without a reload."""
    pk = await send(site, user, title="One", body="Old words")
    page = await visitors.arrive(daphne, user, path=f"{CENTRE}{pk}/")
    await expect_unread(page, 0)
    row = "Notification.objects.filter(pk=pk)"
    await site.acall(f"{row}.mark_unread()", pk=pk)
    await expect(page.get_by_role("button", name="Mark as read")).to_be_visible()
    await site.acall("mark_all_read(user)", user=user.pk)
    await expect(page.get_by_role("button", name="Mark as unread")).to_be_visible()
    await site.acall(f"{row}.archive()", pk=pk)
    await expect(page.get_by_role("button", name="Move to inbox")).to_be_visible()
    await site.acall(f"{row}.update(title='Two', body='See https://example.com/new', category='builds')", pk=pk)
    await expect(page.get_by_role("heading", name="Two")).to_be_visible()
    await expect(page.get_by_role("link", name="https://example.com/new")).to_be_visible()
    await expect(page.locator("[data-field=category]")).to_have_text("builds")
    visitors.expect_problem(r"404.*part=preview")  # after a reset it asks for what is gone
    await site.acall(f"{row}.delete()[0]", pk=pk)
    await expect(page.get_by_role("status").filter(has_text="This notification was deleted.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Two")).to_be_hidden()


async def test_a_tab_in_the_background_reads_nothing(
    visitors: Visitors, daphne: Server, site: Site, user: Person
) -> None:
    """What was opened in a tab that nobody has looked at yet is unread."""
    pk = await send(site, user, title="One")
    page = await visitors.arrive(daphne, user)
    await page.add_init_script("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    await page.goto(f"{daphne.url}{CENTRE}{pk}/")
    await expect(page.locator("notification-detail[data-joined]")).to_be_visible()
    await site.acall("notify(user, title='Later').pk", user=user.pk)
    await expect_unread(page, 2)
    assert await state(site, pk) == (False, False)
    await page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    await expect_unread(page, 1)
