"""Every state of every page, looked at by axe-core, by a ruler and by a keyboard: WCAG 2.2 AA."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.axe import violations
from tests.support.chromium import Visitors, headings, in_chromium
from tests.support.firefox import in_firefox
from tests.support.probes import FAULTS, FOCUSED, MOVING, OVERHANG, START, TAB_STOPS, TURN
from tests.support.proxy import Proxy
from tests.support.servers import Server, Site
from tests.support.states import STATES, Stage, State, reach

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at."""

    theme: Literal["light", "dark"]
    width: int
    direction: Literal["ltr", "rtl"]


# Of three properties with two values each, every two values meet once.
LOOKS: Final = (
    Look("light", 1280, "ltr"),
    Look("dark", 320, "ltr"),
    Look("light", 320, "rtl"),
    Look("dark", 1280, "rtl"),
)
# What Django's admin brings along, which is Django's to mend: a search box named by its title alone, links of 15 and 20 px
# in height, the nameless box in which select2 searches and the nameless halves of a date. Its links stand on pictures,
# which axe cannot measure.
DJANGOS: Final = (
    "#changelist-search",
    "#changelist-filter",
    "#changelist .toplinks",
    ".select2-search__field",
    "p.datetime",
)
DARK: Final = [look for look in LOOKS if look.theme == "dark"]
ZOOMED: Final = Look("light", 640, "ltr")  # a laptop at 200 %, which halves its 1280 px
# Django's admin has a focus ring and motions of its own.
FULL: Final = next(state for state in STATES if state.name == "full")
OURS: Final = [state for state in STATES if state.who != "staff"]


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(each_browser: Browser) -> AsyncIterator[Visitors]:
    """The people of a test; those who look by axe and ruler do so in both browsers."""
    visitors = Visitors(each_browser)
    yield visitors
    assert not visitors.unexpected


@pytest_asyncio.fixture(loop_scope="session")
async def stage(visitors: Visitors, daphne: Server, site: Site) -> AsyncIterator[Stage]:
    """A server behind a line that can be cut."""
    async with Proxy(daphne.port) as proxy:
        yield Stage(site, proxy, visitors, lambda who: site.add_person(who, is_admin=who == "staff"))
        await visitors.leave()


async def turn(page: Page, look: Look) -> None:
    """Look at a page in another way, as it stands."""
    await page.emulate_media(color_scheme=look.theme, reduced_motion="reduce")  # Firefox stays dark
    await page.set_viewport_size({"width": look.width, "height": 800})
    await page.evaluate(TURN, look.direction)


async def look_at(page: Page, looks: Sequence[Look], *, is_ours: bool) -> list[str]:
    """Return what axe and the ruler find."""
    found = []
    for look in looks:
        await turn(page, look)
        lines = await violations(page, ignored=DJANGOS, is_strict=is_ours)
        found += [f"{look}: {line}" for line in lines + await page.evaluate(OVERHANG)]
    return found


async def walk_through(page: Page) -> list[str]:
    """Return what is wrong with where Tab stops, and how it shows."""
    expected = await page.evaluate(TAB_STOPS)
    await page.evaluate(START)
    reached, found = [], []
    for _ in expected:
        await page.keyboard.press("Tab")
        stop, complaint = await page.evaluate(FOCUSED)
        reached.append(stop)
        found += [complaint] if complaint else []
    return found + ([] if reached == expected else [f"Tab stopped at {reached}, not at {expected}"])


async def look_closely(page: Page, state: State, looks: Sequence[Look]) -> None:
    """Check a state by axe, ruler and keyboard, one after the other, as it stays the same all the while."""
    # On a phone toasts lie over what is under them, until they go or Escape closes them.
    way = replace(looks[0], width=1280) if "toast" in state.name else looks[0]
    await turn(page, way)
    stops = await page.evaluate(TAB_STOPS)
    found = await look_at(page, looks, is_ours=state in OURS)
    await turn(page, ZOOMED)
    found += await page.evaluate(OVERHANG)
    await turn(page, way)
    if state.inbox != "long":  # it grows while one goes through it
        assert await page.evaluate(TAB_STOPS) == stops, f"{state.name} did not last."
        found += await walk_through(page) if state in OURS else []
    assert not found


@in_chromium
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
async def test_axe_ruler_and_keyboard_find_nothing(stage: Stage, state: State) -> None:
    """In both themes and directions, on a phone, a desktop and at 200 %: WCAG holds, and nothing scrolls sideways.

    Tab stops at each link, button and field in their order, each shows it, and nothing moves for those who ask so.
    """
    page = await reach(state, stage, reduced_motion="reduce")
    if state not in OURS:  # axe copies elements to which select2 has given a width
        stage.visitors.expect_problem("Applying inline style violates")
    else:
        assert await page.evaluate(MOVING) == []
    await look_closely(page, state, LOOKS)


@in_firefox
@pytest.mark.parametrize("state", OURS, ids=lambda state: state.name)
async def test_firefox_finds_nothing_either(stage: Stage, state: State) -> None:
    """There each state is looked at in the dark, on a phone or from right to left, in turn."""
    page = await reach(state, stage)
    await look_closely(page, state, [DARK[OURS.index(state) % len(DARK)]])


@in_chromium
async def test_forced_colours_hide_nothing(stage: Stage) -> None:
    """Where the system chooses the colours, unread still looks unlike read, and the focus shows at each stop of Tab."""
    page = await reach(FULL, stage, forced_colors="active", reduced_motion="reduce")
    assert await walk_through(page) == []
    await page.evaluate("document.activeElement.blur()")
    item = page.locator(".notification-item:not([data-read])").first
    unread = await item.screenshot()
    assert await item.screenshot() == unread
    await item.evaluate("item => item.setAttribute('data-read', '')")
    assert await item.screenshot() != unread


async def test_focus_returns_where_it_came_from(stage: Stage) -> None:
    """From help and settings the focus goes back to the item or button it came from, from undo to what came back by it."""
    page = await reach(FULL, stage)
    focused = "document.activeElement.closest('li')?.querySelector('.notification-item__link').textContent"
    press = page.keyboard.press
    await press("j")
    await press("j")
    title = await page.evaluate(focused)
    await press("?")
    await expect(page.locator(".notification-help")).to_be_visible()
    await press("Escape")
    await expect(page.locator(".notification-help")).to_be_hidden()
    assert await page.evaluate(focused) == title
    settings = page.get_by_role("button", name="Settings")
    await settings.focus()
    await press("Enter")
    await expect(page.get_by_role("switch", name="Toasts")).to_be_visible()
    await press("Tab")
    await press("Escape")
    await expect(page.get_by_role("switch", name="Toasts")).to_be_hidden()
    await expect(settings).to_be_focused()
    count = await headings(page).count()
    await page.locator(".notification-item", has_text=title).focus()
    await press("e")
    await expect(headings(page)).to_have_count(count - 1)
    await page.get_by_role("button", name="Undo").focus()
    await press("Enter")
    await expect(headings(page)).to_have_count(count)
    await expect(page.locator(".notification-undo")).to_be_hidden()
    await page.wait_for_function(f"title => {focused} === title", arg=title)


async def test_words_of_the_other_direction_keep_their_order(stage: Stage) -> None:
    """In a page from right to left an English sentence begins at its left and ends with its full stop."""
    page = await reach(FULL, stage)
    await turn(page, LOOKS[3])
    ends = """body => {
      const words = document.createTreeWalker(body, NodeFilter.SHOW_TEXT).nextNode();
      return [0, words.length - 1].map((at) => {
        const range = document.createRange();
        range.setStart(words, at);
        range.setEnd(words, at + 1);
        return range.getBoundingClientRect().left;
      });
    }"""
    begin, end = await page.locator(".notification-item__text", has_text="Choose a shorter").evaluate(ends)
    assert begin < end


@in_chromium
async def test_faults_would_be_found(stage: Stage) -> None:
    """Each of the ways to look finds what was planted for it."""
    page = await reach(STATES[0], stage)
    await page.evaluate(FAULTS)
    await turn(page, LOOKS[0])
    assert {line.split(" ")[0] for line in await violations(page)} >= {"color-contrast", "button-name", "target-size"}
    assert "planted" in str(await page.evaluate(OVERHANG))
    assert "planted" in str(await page.evaluate(MOVING))
    await page.locator(".planted").first.focus()
    assert "no outline" in str(await page.evaluate(FOCUSED))
