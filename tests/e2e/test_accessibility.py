"""Every state of every page, looked at by axe-core, by a ruler and by a keyboard: WCAG 2.2 AA."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.support.axe import violations
from tests.support.chromium import Visitors
from tests.support.probes import FAULTS, FOCUSED, MOVING, OVERHANG, TAB_STOPS, TURN
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
ZOOMED: Final = Look("light", 640, "ltr")  # a laptop at 200 %, which halves its 1280 px
# Django's admin has a focus ring and motions of its own.
OURS: Final = [state for state in STATES if state.who != "staff"]
WALKED: Final = [state for state in OURS if state.inbox != "long"]  # a long list grows while one walks through it


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser, swift: Server, site: Site) -> AsyncIterator[Stage]:
    """A server behind a line that can be cut, and people in Chromium."""
    visitors = Visitors(browser)
    async with Proxy(swift.port) as proxy:
        yield Stage(site, proxy, visitors, lambda who: site.add_person(who, is_admin=who == "staff"))
        await visitors.leave()
    assert not visitors.unexpected


async def turn(page: Page, look: Look) -> None:
    """Look at a page in another way, as it stands."""
    await page.emulate_media(color_scheme=look.theme, reduced_motion="reduce")
    await page.set_viewport_size({"width": look.width, "height": 800})
    await page.evaluate(TURN, look.direction)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
async def test_axe_and_ruler_find_nothing(stage: Stage, state: State) -> None:
    """In both themes and directions, on a phone, a desktop and at 200 %: WCAG holds, and nothing scrolls sideways."""
    page = await reach(state, stage)
    is_ours = state in OURS
    if not is_ours:  # axe copies elements to which select2 has given a width
        stage.visitors.expect_problem("Applying inline style violates")
    found = []
    for look in LOOKS:
        await turn(page, look)
        lines = await violations(page, ignored=DJANGOS, is_strict=is_ours)
        found += [f"{look}: {line}" for line in lines + await page.evaluate(OVERHANG)]
    await turn(page, ZOOMED)
    assert not found + await page.evaluate(OVERHANG)


@pytest.mark.parametrize("state", WALKED, ids=lambda state: state.name)
async def test_a_keyboard_finds_its_way(stage: Stage, state: State) -> None:
    """Tab stops at each link, button and field in their order, each shows it, and nothing moves for those who ask so."""
    page = await reach(state, stage, reduced_motion="reduce")
    assert await page.evaluate(MOVING) == []
    expected = await page.evaluate(TAB_STOPS)
    reached, found = [], []
    for _ in expected:
        await page.keyboard.press("Tab")
        stop, complaint = await page.evaluate(FOCUSED)
        reached.append(stop)
        found += [complaint] if complaint else []
    assert reached == expected
    assert not found


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
