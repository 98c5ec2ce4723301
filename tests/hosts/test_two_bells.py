"""A host project with two bells, one for each width of the window, or with the bell behind the content."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.chromium import Visitors
from tests.support.host import Host

pytestmark = pytest.mark.asyncio(loop_scope="session")

STYLE: Final = """
<style>
  .wide { display: none }
  @media (min-width: 50rem) { .wide { display: block } .narrow { display: none } }
</style>
"""
HEAD: Final = f'{{% load live_notifications %}}<!doctype html><html lang="en"><title>Mine</title>{STYLE}'
BELL: Final = "{% notification_bell %}"
CONTENT: Final = "{% block content %}<p>Content</p>{% endblock %}"
LAYOUTS: Final = {
    "twice": f'{HEAD}<header class="wide">{BELL}</header><nav class="narrow">{BELL}</nav><main>{CONTENT}</main>',
    "after the content": f"{HEAD}<main>{CONTENT}</main><footer>{BELL}</footer>",
}


@pytest.fixture(params=LAYOUTS)
def host(host: Host, request: pytest.FixtureRequest) -> Host:
    """A project whose pages, the centre among them, have this layout."""
    layout = LAYOUTS[request.param]
    for name in ("home.html", "live_notifications/base.html"):
        path = host.folder / "mysite" / "templates" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(layout)
    host.append(
        "mysite/settings.py", 'INSTALLED_APPS = ["mysite", *(app for app in INSTALLED_APPS if app != "mysite")]\n'
    )
    return host


async def test_the_bell_that_is_shown_tells(host: Host, visitors: Visitors) -> None:
    """Its badge moves, its panel has the list, and toast and voice are where they can be seen and heard, at any width."""
    await asyncio.to_thread(host.notify, "user1", "First")
    with host.runserver() as (_process, url):
        page = await visitors.arrive(url, session=host.people["user1"][1])
        for number, width in enumerate((1200, 500), start=2):
            await page.set_viewport_size({"width": width, "height": 800})
            title = f"At {width}"
            await asyncio.to_thread(host.notify, "user1", title)
            await see_it_told(page, title)
            await expect(page).to_have_title(f"({number}) Mine")
            await page.locator(".notification-bell:visible").click()
            listed = page.locator(".notification-panel:visible .notification-item__link")
            await expect(listed).to_have_count(number)
            await expect(listed.first).to_be_visible()
            await see_it_drawn(page.locator(".notification-panel:visible .notification-avatar__glyph use").first)
            await page.keyboard.press("Escape")


async def see_it_told(page: Page, title: str) -> None:
    """Wait for one toast that is seen, and for the words of one live region that is not hidden."""
    await expect(page.locator(".notification-bell__badge:visible")).to_have_count(1)
    await expect(page.locator(".notification-toast__link:visible", has_text=title)).to_have_count(1)
    voices = page.locator(".notification-voice", has_text=title)
    await expect(voices).to_have_count(1)
    assert await voices.evaluate("voice => voice.parentElement.checkVisibility()")


async def test_the_centre_is_right_beside_them(host: Host, visitors: Visitors) -> None:
    """Its rows are seen, with their icons, and what arrives joins them."""
    await asyncio.to_thread(host.notify, "user1", "First")
    with host.runserver() as (_process, url):
        page = await visitors.arrive(url, session=host.people["user1"][1], path="/notifications/")
        links = page.locator("main .notification-item__link")
        await expect(links).to_have_text(["First"])
        await asyncio.to_thread(host.notify, "user1", "Second")
        await expect(links).to_have_text(["Second", "First"])
        await expect(links.first).to_be_visible()
        await see_it_drawn(page.locator("main .notification-avatar__glyph use").first)


async def see_it_drawn(use: Locator) -> None:
    """Look whether a shape is found that stands elsewhere in the page."""
    assert await use.evaluate("use => use.getBoundingClientRect().width") > 0
