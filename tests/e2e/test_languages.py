"""Languages in real browsers: the switch, what the server renders, and what the scripts write."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.support.chromium import CENTRE, Visitors, expect_unread, in_chromium
from tests.support.servers import Person, Server, Site
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


# One that was sent five minutes ago, told past the log: nobody waits that long.
SEND_EARLIER = """
from datetime import timedelta
from django.utils import timezone
row = notify(user, title="1")
Notification.objects.filter(pk=row.pk).update_rows(created_at=timezone.now() - timedelta(minutes=5))
row.pk
"""
CHINESE = "中文"


async def switch(page: Page, name: str) -> None:
    """Choose a language by the switch at the top of a page."""
    await page.get_by_role("button", name=name, exact=True).click()


async def expect_bell(page: Page, name: str) -> None:
    """Wait until the bell is read out like this, a link or, where it opens the panel, a button."""
    await expect(page.locator("a.notification-bell")).to_have_accessible_name(name)


async def test_a_reader_switches_and_returns(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """Page, bell, list, times, empty states and what arrives live are Chinese until one switches back."""
    await site.acall(SEND_EARLIER, user=user.pk)
    page = await visitors.arrive(daphne, user)
    await expect_bell(page, "Notifications, 1 unread")

    await switch(page, CHINESE)
    await expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{user.username}，你好")
    await expect_bell(page, "通知，1 条未读")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{user.username}，你好")

    await page.goto(CENTRE)
    item = page.locator(".notification-list .notification-item").first
    await expect(page.get_by_role("heading", level=1)).to_have_text("通知")
    await expect(item.locator("time")).to_have_text("5分钟")
    await expect(item.locator("time")).to_have_attribute("title", re.compile(r"^\d{4}年\d+月\d+日星期."))
    await expect(item.get_by_role("button", name="归档")).to_be_visible()
    await site.acall("notify(user, title='2', level='warning').pk", user=user.pk)
    await expect(page.locator(".notification-list .notification-item")).to_have_count(2)
    await expect(item.locator("time")).to_have_text("现在")
    await expect(item.get_by_role("heading")).to_have_accessible_name(re.compile("未读.*警告.*2"))
    await expect_bell(page, "通知，2 条未读")

    await page.goto(f"{CENTRE}?tab=archived")
    await expect(page.get_by_text("没有已归档的通知")).to_be_visible()
    await switch(page, "English")
    await expect(page).to_have_url(re.compile(r"/notifications/\?tab=archived$"))
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.get_by_text("Nothing is archived")).to_be_visible()
    await expect_unread(page, 2)


async def test_counts_are_written_as_the_language_does(
    visitors: Visitors, live: Server, site: Site, user: Person
) -> None:
    """A thousand has its separator in the bell's name and at the tab, and a page whose tag is wrong still shows it."""
    await site.acall("notify(user, title='1').pk; Inbox.objects.filter(pk=user).update(unread=1204)", user=user.pk)
    page = await visitors.arrive(live, user, path=CENTRE)
    await expect_bell(page, "Notifications, 1,204 unread")
    await expect(page.locator(".notification-tabs__count")).to_have_text("1,204")
    await switch(page, CHINESE)
    await expect_bell(page, "通知，1,204 条未读")


async def test_a_page_with_a_wrong_tag_works(visitors: Visitors, daphne: Server, site: Site, user: Person) -> None:
    """A host that writes `en_US`, which Intl refuses, gets the browser's language instead of a broken list."""
    await site.acall(SEND_EARLIER, user=user.pk)
    page = await visitors.arrive(daphne, user)
    await page.route("**/notifications/", misspell)
    await page.goto(CENTRE)
    await expect(page.locator("html")).to_have_attribute("lang", "en_US")
    await expect(page.locator(".notification-list time")).to_have_text("5m")


async def misspell(route: Route) -> None:
    """Answer as the server does, in a language that no standard knows."""
    response = await route.fetch()
    await route.fulfill(response=response, body=(await response.text()).replace('lang="en"', 'lang="en_US"', 1))


@in_chromium
async def test_the_switch_works_without_javascript(visitors: Visitors, live: Server, user: Person) -> None:
    """It is a form, for visitors too; the choice outlives the login."""
    page = await visitors.arrive(live, path=f"/accounts/login/?next={CENTRE}", has_javascript=False)
    await switch(page, CHINESE)
    await expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/notifications/$"))
    await page.get_by_label("用户名").fill(user.username)
    await page.get_by_label("密码").fill(user.password)
    await page.locator("main").get_by_role("button", name="登录").click()
    await expect(page.get_by_text("暂无通知")).to_be_visible()


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["English", CHINESE])
async def test_a_narrow_phone_holds_the_header(
    visitors: Visitors, live: Server, admin: Person, language: str, scheme: str
) -> None:
    """At 320 px the longest header, an administrator's, does not push the page aside, in either language."""
    page = await visitors.arrive(live, admin)
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": 320, "height": 640})
    if language == CHINESE:
        await switch(page, CHINESE)
    await expect(page.get_by_role("form", name=re.compile("Language|语言"))).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    target = await page.locator(".languages button").bounding_box()
    assert target is not None
    assert min(target["width"], target["height"]) >= 24  # WCAG 2.2, 2.5.8


async def test_the_stream_has_no_language(live: Server, site: Site, user: Person) -> None:
    """It is answered before Django's middleware: a Chinese reader's stream is what every other's is."""
    await site.acall("notify(user, title='1').pk", user=user.pk)
    async with Visit(live.url) as visit:
        await visit.login(user)
        plain = await first_frames(visit.http, {})
        visit.http.cookies.set("django_language", "zh-hans")
        assert await first_frames(visit.http, {"Accept-Language": "zh-CN"}) == plain
        assert not {"content-language", "vary"} & plain[0].keys()


async def first_frames(http: httpx.AsyncClient, headers: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the stream's headers and its frames up to the snapshot, without what differs by chance."""
    lines: list[str] = []
    async with http.stream("GET", "/notifications/stream/", headers=headers) as response:
        async for line in response.aiter_lines():
            if not line.startswith("retry:"):
                lines.append(line)
            if line.startswith("data:") and '"snapshot"' in line:
                break
        return {name: value for name, value in response.headers.items() if name != "date"}, lines
