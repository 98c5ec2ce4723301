"""Host projects whose admin has another look: django-unfold, django-jazzmin."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.support.chromium import ADD_FORM, Visitors
from tests.support.host import Host

pytestmark = pytest.mark.asyncio(loop_scope="session")

SETTINGS: Final = {
    "django": "",
    "unfold": 'INSTALLED_APPS = ["unfold", *INSTALLED_APPS]\n',
    "jazzmin": 'INSTALLED_APPS = ["jazzmin", *INSTALLED_APPS]\n',
}
# What a theme's own scripts say on the console is not ours.
ADMIN: Final = "/admin/live_notifications"
COUNT: Final = """
from notifications.models import Notification

for row in Notification.objects.order_by("pk"):
    print(row.recipient.username, row.title)
"""


@pytest.mark.parametrize("theme", SETTINGS)
async def test_staff_send_and_broadcast(host: Host, visitors: Visitors, theme: str) -> None:
    """Each page of the admin is there, its buttons do what they say, whatever stands around them.

    Regression: in django-unfold the buttons stand outside of the form, and "Send" did nothing.
    """
    visitors.expect_problem(r"\(?http.*/(static/(unfold|vendor|jazzmin|admin)|admin)/")
    host.append("mysite/settings.py", SETTINGS[theme])
    host.manage("check")
    with host.runserver() as (process, url):
        page = await visitors.arrive(url, session=host.people["boss"][1], path=ADD_FORM)
        await fill_in(page, "user1", "By hand")
        await page.get_by_role("button", name=re.compile(r"^Send to user1|^Send$")).click()
        await page.wait_for_url(re.compile(r"/notification/$"))
        await expect(page.locator("body")).to_contain_text("By hand")
        await page.goto(f"{ADMIN}/broadcast/add/")
        await page.locator('[name="title"]').fill("To everyone")
        await page.get_by_role("button", name="Save and review").click()
        await page.get_by_role("button", name="Send to 3 people").click()
        await page.wait_for_url(re.compile(r"/progress/$"))
        # the page comes anew when all is sent; a visit to another one meanwhile would be broken off
        await expect(page.locator('[data-topic][data-state="sent"]')).to_be_attached()
        await expect(page.locator(".notification-progress__count")).to_have_text("3 of 3")
        for name in ("inbox", "apitoken", "broadcast", "notification"):
            answer = await page.goto(f"{ADMIN}/{name}/")
            assert answer
            assert answer.status == 200, name
        assert "Traceback" not in process.log
    told = [line for line in host.run(COUNT) if "Sent: " not in line]  # who sent it is told so
    assert sorted(told) == sorted(["user1 By hand", *(f"{name} To everyone" for name in ("boss", "user1", "user2"))])


async def fill_in(page: Page, username: str, title: str) -> None:
    """Choose a recipient in the search box, and write a title."""
    await page.locator(".select2-selection").first.click()
    await page.locator(".select2-search__field").first.fill(username)
    await page.locator(".select2-results__option", has_text=username).click()
    await page.locator('[name="title"]').fill(title)
