"""What a page loads, as it travels: what Chromium really asks for, compressed, file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.async_api import Page, expect

from scripts import build_scripts
from tests.support.budgets import expect_within, size_of
from tests.support.chromium import CENTRE, Visitors, headings, in_chromium
from tests.support.servers import Person, Server, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), in_chromium]

WIDE: Final = {"width": 1440, "height": 900}
PREFIX: Final = "/static/notifications/"


class Loaded:
    """The app's scripts and styles that a page has asked for, by their names."""

    def __init__(self, page: Page) -> None:
        self.names: set[str] = set()
        page.on("request", lambda request: self._note(httpx.URL(request.url).path))

    def _note(self, path: str) -> None:
        if path.startswith(PREFIX) and Path(path).suffix in build_scripts.KINDS:
            self.names.add(path.removeprefix(PREFIX))

    def of_kind(self, kind: str) -> dict[str, int]:
        """Return what each script, or each style, takes on the wire, in bytes."""
        return {name: size_of(name) for name in sorted(self.names) if name.endswith(kind)}


async def expect_one_round(page: Page, loaded: Loaded) -> None:
    """Check that the page itself names all that it has loaded."""
    html = await page.evaluate("fetch(location.href).then((answer) => answer.text())")
    assert {name for name in loaded.names if f"{PREFIX}{name}" not in html} == set()


async def test_a_page_with_a_bell(visitors: Visitors, daphne: Server, site: Site, user: Person, tmp_path: Path) -> None:
    """At most 12 KB of scripts in at most 12 files with the styles, all of them named by the page; with the panel 22 KB."""
    await site.acall("notify(user, title='Before').pk", user=user.pk)
    page = await visitors.arrive(daphne, user, path="/accounts/login/")
    loaded = Loaded(page)
    await page.goto("/")
    await page.locator("notification-bell[data-connection=live]").wait_for()
    expect_within(loaded.of_kind(".js"), 12, "scripts of a page with a bell", tmp_path)
    assert len(loaded.names) <= 12, sorted(loaded.names)
    await expect_one_round(page, loaded)
    await page.locator(".notification-bell").click()
    await expect(headings(page).first).to_have_text("Before")
    await page.locator("notification-list[data-connection=live]").wait_for()
    expect_within(loaded.of_kind(".js"), 22, "scripts with the panel open", tmp_path)


async def test_the_centre(visitors: Visitors, daphne: Server, site: Site, user: Person, tmp_path: Path) -> None:
    """At most 30 KB of scripts in at most 18 files with the styles, all of them named by the page."""
    await site.acall("notify(user, title='Before').pk", user=user.pk)
    page = await visitors.arrive(daphne, user, path="/accounts/login/", viewport=WIDE)
    loaded = Loaded(page)
    await page.goto(CENTRE)
    await page.locator("notification-list[data-connection=live]").wait_for()
    expect_within(loaded.of_kind(".js"), 30, "scripts of the centre", tmp_path)
    assert len(loaded.names) <= 18, sorted(loaded.names)
    await expect_one_round(page, loaded)


async def test_a_notification_beside_the_list_and_on_its_own_page(
    visitors: Visitors, daphne: Server, site: Site, user: Person, tmp_path: Path
) -> None:
    """No more than the centre may have, with what shows one notification."""
    pk = await site.acall("notify(user, title='Before').pk", user=user.pk)
    page = await visitors.arrive(daphne, user, path="/accounts/login/", viewport=WIDE)
    loaded = Loaded(page)
    await page.goto(CENTRE)
    await page.locator("notification-list[data-connection=live]").wait_for()
    await headings(page).first.click()
    await page.locator(".notification-view notification-detail").wait_for()
    expect_within(loaded.of_kind(".js"), 30, "scripts with a notification beside the list", tmp_path)
    alone = await visitors.open_tab(page, "/accounts/login/")
    loaded = Loaded(alone)
    await alone.goto(f"{CENTRE}{pk}/")
    await alone.locator("notification-bell[data-connection=live]").wait_for()
    expect_within(loaded.of_kind(".js"), 22, "scripts of the page of a notification", tmp_path)
    await expect_one_round(alone, loaded)
