"""A host project without time zones, `USE_TZ = False`, whose readers live elsewhere."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from playwright.async_api import expect

from tests.support.chromium import Visitors
from tests.support.host import Host

pytestmark = pytest.mark.asyncio(loop_scope="session")

SETTINGS: Final = """
USE_TZ = False
TIME_ZONE = "Europe/Berlin"
"""


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
async def test_a_reader_elsewhere_sees_when_it_was(host: Host, visitors: Visitors, zone: str) -> None:
    """What was sent a moment ago is from now, in the page that the server made and in what arrives, and shows as a toast.

    Regression: "8 hours ago" for now; no toasts in New York, and toasts for old ones in Tokyo.
    """
    host.append("mysite/settings.py", SETTINGS)
    host.manage("check", "--fail-level", "WARNING")
    await asyncio.to_thread(host.notify, "user1", "Before")
    with host.runserver() as (_process, url):
        page = await visitors.arrive(
            url, session=host.people["user1"][1], path="/notifications/", timezone_id=zone, locale="en-US"
        )
        times = page.locator(".notification-item__time")
        await expect(times).to_have_text(["now"])
        await expect(page.locator(".notification-toast")).to_have_count(0)
        bells = await visitors.open_tab(page, "/")
        await asyncio.to_thread(host.notify, "user1", "After")
        await expect(times).to_have_text(["now", "now"])
        await expect(bells.locator(".notification-toast__link")).to_have_text(["After"])
