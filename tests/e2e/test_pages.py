"""The pages in real browsers: without JavaScript, with hostile text, and without a complaint in the console."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Browser, Error, expect

from tests.support.chromium import CENTRE, Visitors, badge, choose, expect_unread, headings, in_chromium, log_in
from tests.support.servers import Person, Server, Site

LIST: Final = "/admin/live_notifications/notification/"
pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> \u202e&amp; \"'`${1}"
# Everything that a notification shows or carries; the link goes past the model, as from raw SQL, before it is told.
SEND_HOSTILE = """
with transaction.atomic():
    row = notify(user, title=text, body=text, actor=text, topic=text, category='x', data={text: text})
    Notification.objects.filter(pk=row.pk).update_rows(url="javascript:alert(3)")
row.pk
"""


@in_chromium  # nothing tells Firefox to run no scripts, and styles ask for that
async def test_it_works_without_javascript(
    visitors: Visitors, live: Server, site: Site, user: Person, other: Person
) -> None:
    """The count is right on each page, and every button is a form."""
    people = [user.pk, other.pk]
    code = "[notify(pk, title=title, url='/accounts/login/?opened').pk for title in ('One', 'Two') for pk in people]"
    await site.acall(code, people=people)
    page = await visitors.arrive(live, path=f"/accounts/login/?next={CENTRE}", has_javascript=False)
    await log_in(page, user)
    await expect(badge(page)).to_have_text("2")
    await expect(headings(page)).to_have_text(["Two", "One"])
    await expect(page.locator(".notification-centre__keys")).to_be_hidden()
    item = page.locator(".notification-item", has_text="Two")
    await item.get_by_role("button", name="Mark as read").click()
    await expect(badge(page)).to_have_text("1")
    await item.get_by_role("button", name="Mark as unread").click()
    await expect(badge(page)).to_have_text("2")
    await item.get_by_role("button", name="Archive").click()
    await expect(headings(page)).to_have_text(["One"])
    await page.locator(".notification-item").get_by_role("button", name="Open").click()
    await expect(page).to_have_url(re.compile(r"/$"))  # the login form sends on who is logged in
    await expect(badge(page)).to_be_hidden()
    await page.goto(CENTRE)
    await page.get_by_role("link", name="Archived").click()
    await page.locator(".notification-item").get_by_role("button", name="Move to inbox").click()
    await expect(headings(page)).to_have_count(0)
    await page.goto(CENTRE)
    await expect(badge(page)).to_be_hidden()  # what is archived is read
    await page.locator(".notification-item", has_text="Two").get_by_role("button", name="Mark as unread").click()
    await expect(badge(page)).to_have_text("1")
    await page.get_by_role("button", name="Mark all as read").click()
    await expect(badge(page)).to_be_hidden()
    await page.locator(".notification-item", has_text="One").get_by_role("button", name="Delete").click()
    await expect(headings(page)).to_have_text(["Two"])
    await page.locator(".notification-item").get_by_role("checkbox").check()
    await page.locator(".notification-selection").get_by_role("button", name="Mark as unread").click()
    await expect(badge(page)).to_have_text("1")
    await page.get_by_role("searchbox").fill("one")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_text("Nothing matches")).to_be_visible()
    await page.get_by_role("link", name="Clear the filters").click()
    await expect(headings(page)).to_have_text(["Two"])
    await page.get_by_role("button", name="Log out").click()
    await expect(badge(page)).to_have_count(0)
    assert await site.acall("Inbox.objects.get(pk=user).unread", user=other.pk) == 2
    assert not visitors.streams


async def test_hostile_text_is_text(
    visitors: Visitors, daphne: Server, site: Site, user: Person, other: Person
) -> None:
    """Markup in titles, texts and names shows as it was written, from the server and from the stream alike."""
    streamed = await visitors.arrive(daphne, user, path=CENTRE)
    theirs = await visitors.arrive(daphne, other, path=CENTRE)
    await expect(headings(streamed)).to_have_count(0)
    await site.acall(SEND_HOSTILE, user=user.pk, text=HOSTILE)
    await expect(headings(streamed)).to_have_text([HOSTILE], timeout=60_000)  # by the stream: the page was there before
    rendered = await visitors.arrive(daphne, user, path=CENTRE)
    for page in (streamed, rendered):
        item = page.locator(".notification-list .notification-item, .notification-item").first
        await expect(headings(page)).to_have_text([HOSTILE])
        await expect(item).to_contain_text(HOSTILE)
        assert await item.locator("script, img[src], iframe, object, a[href*=script]").count() == 0
        assert await page.evaluate("document.querySelectorAll('[onerror], [onclick]').length") == 0
    await expect(headings(theirs)).to_have_count(0)


async def test_no_page_complains(visitors: Visitors, live: Server, site: Site, user: Person, admin: Person) -> None:
    """Every page of the site keeps to its content security policy and logs no error."""
    pk = await site.acall("notify(user, title='Something').pk", user=user.pk)
    await site.acall("[notify(user, title=f'Item {n}').pk for n in range(25)]", user=user.pk)
    await visitors.arrive(live)
    await visitors.arrive(live, path="/accounts/login/")
    page = await visitors.arrive(live, user)
    for path in ("", "?tab=unread", "?tab=archived", "?tab=all&before=100000"):
        await page.goto(CENTRE + path)
        await expect_unread(page, 26)
    staff = await visitors.arrive(live, admin)
    for path in ("", "add/", f"{pk}/change/", f"{pk}/history/", f"{pk}/delete/"):
        response = await staff.goto(f"/admin/live_notifications/notification/{path}")
        assert response is not None
        assert response.status == 200
    for path in ("/admin/", "/admin/live_notifications/inbox/"):
        await staff.goto(path)


async def test_a_long_word_hides_no_column(
    visitors: Visitors, live: Server, site: Site, user: Person, admin: Person
) -> None:
    """Where somebody's title is one word of 200 letters, the staff's list still shows all of its columns.

    Regression: level, recipient, category, state and date of all rows were pushed out of sight.
    """
    await site.acall("notify(user, title='x' * 200, category='y' * 50).pk", user=user.pk)
    staff = await visitors.arrive(live, admin, path=LIST)
    columns = staff.locator("#result_list thead th")
    await expect(columns.last).to_be_visible()
    assert await columns.evaluate_all(
        "cells => cells.every((cell) => cell.getBoundingClientRect().right <= document.documentElement.clientWidth)"
    )


async def test_the_button_says_to_whom_it_goes(
    visitors: Visitors, live: Server, site: Site, user: Person, other: Person, admin: Person
) -> None:
    """Who is chosen stands on the button that sends, as long as the choice can still be changed."""
    await site.acall("User.objects.filter(pk=user).update(first_name='Mia', last_name='Berg')", user=user.pk)
    staff = await visitors.arrive(live, admin, path=f"{LIST}add/")
    button = staff.locator("[data-send-one]")
    await expect(button).to_have_value("Send")
    for person, words in ((user, "Send to Mia Berg"), (other, "Send to 2 people")):
        await choose(staff, person)
        await expect(button).to_have_value(words)


async def test_complaints_are_noticed(visitors: Visitors, live: Server, user: Person) -> None:
    """The watch over the pages sees what the policy forbids, an error in a script and a file that is missing."""
    page = await visitors.arrive(live, user)
    await page.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: '1'}))")
    await page.evaluate("setTimeout(() => { throw new Error('planted') })")
    await page.evaluate("fetch('/static/no-such-file.js')")
    await page.wait_for_function("true")
    for pattern in ("Content Security Policy|blocked an inline script", "planted", "no-such-file.js"):
        visitors.expect_problem(pattern)
        assert any(re.search(pattern, text) for text in visitors.problems), visitors.problems


async def test_firefox_stays_on_this_machine(firefox: Browser) -> None:
    """What Firefox would ask for elsewhere, by itself or for a page, meets a proxy that is not there."""
    page = await firefox.new_page()
    with pytest.raises(Error, match="NS_ERROR_PROXY_CONNECTION_REFUSED"):
        await page.goto("http://192.0.2.1/")  # an address for examples (RFC 5737)
    await page.close()
