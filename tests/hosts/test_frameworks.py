"""Host projects made with a CSS framework: the ten lines of the guide are enough, and neither leaks into the other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.axe import violations
from tests.support.chromium import CENTRE, Visitors
from tests.support.frameworks import FRAMEWORKS, PREPARE, Framework, dress, fetch_frameworks, read_lines
from tests.support.host import Host
from tests.support.inboxes import FILL, events_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The colour of what is painted first below an element, its own text's, and whether a page reads light or dark.
LOOK: Final = """(element) => {
  const style = getComputedStyle(element);
  let ground = element;
  while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
  return { ground: getComputedStyle(ground).backgroundColor, text: style.color, scheme: style.colorScheme };
}"""
SHAPE: Final = """(element) => {
  const { fontSize, textDecorationLine, marginBlockEnd } = getComputedStyle(element);
  return { fontSize, textDecorationLine, marginBlockEnd };
}"""


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frameworks, from npm, in a folder that is thrown away."""
    return fetch_frameworks(tmp_path_factory.mktemp("frameworks"))


def fill(host: Host, name: str) -> None:
    """Give a user the inbox of the pictures."""
    host.run(PREPARE.format(key=host.people[name][0], events=events_of("full")) + FILL)


@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_it_is_at_home(host: Host, visitors: Visitors, fetched: Path, name: str) -> None:
    """Light and dark, panel and centre have the ground and text of the page around them, and each contrast is enough."""
    assert len(read_lines(name).splitlines()) == 10  # as the guide promises
    await asyncio.to_thread(dress, host, name, fetched)
    await asyncio.to_thread(fill, host, "user1")
    with host.runserver() as (_process, url):
        page = await visitors.arrive(url, session=host.people["user1"][1], viewport={"width": 1280, "height": 800})
        await page.locator(".notification-bell").click()
        await expect(page.locator(".notification-panel .notification-item").last).to_be_visible()
        await see_it_fit(page, page.locator(".notification-panel"), FRAMEWORKS[name])
        await page.goto(CENTRE)
        await page.locator("notification-list[data-connection=live]").wait_for()
        await see_it_fit(page, page.locator(".notification-columns"), FRAMEWORKS[name])


async def see_it_fit(page: Page, box: Locator, framework: Framework) -> None:
    """Compare a box of ours with the page around it in both themes, and look at the contrast of all that it shows."""
    for theme, mark in framework.themes.items():
        await page.locator("html").evaluate(
            "(html, [name, mark]) => html.setAttribute(name, mark)", [framework.attribute, mark]
        )
        around, inside = await page.locator("body").evaluate(LOOK), await box.evaluate(LOOK)
        assert (inside["ground"], inside["text"]) == (around["ground"], around["text"])
        assert inside["scheme"] == ("normal" if (framework.name, theme) == ("bootstrap", "light") else theme)
        title = await box.locator(".notification-item__heading").first.evaluate(SHAPE)
        assert title == {"fontSize": "14px", "textDecorationLine": "none", "marginBlockEnd": "0px"}
        rows = await box.locator(".notification-item").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
        assert max(rows[1:]) <= 82, rows  # two lines of title and one of text at most, as without a framework
        found = await violations(page)
        assert [each for each in found if each.startswith("color-contrast") and "notification" in each] == []
