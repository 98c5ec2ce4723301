"""What the end-to-end tests share: a running site with its servers and people, and browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.chromium import Visitors, chromium
from tests.support.firefox import firefox as run_firefox
from tests.support.running_site import admin, daphne, live, other, site, unhurried, user, uvicorn

__all__ = ["admin", "daphne", "live", "other", "site", "unhurried", "user", "uvicorn"]  # fixtures, for pytest to find

HERE: Final = Path(__file__).parent
# What a page looks like and how it is used. What hangs on the engine (lines, tabs, storage, a body that is swapped, static
# files) is asked of both browsers each time; these of both by `make browsers`, and of Chromium alone by `make test`, which
# would take a quarter longer.
LOOKS: Final = {
    *("test_accessibility.py", "test_ambient.py", "test_centre.py", "test_keyboard.py", "test_languages.py"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer what `make browsers` asks for."""
    parser.addoption("--each-browser", action="store_true", help="ask all tests of pages of both browsers")


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Leave out Firefox where it is not asked for."""
    if config.getoption("--each-browser", default=False):
        return
    left_out = [
        item
        for item in items
        if item.path.parent == HERE
        and item.path.name in LOOKS
        and getattr(item, "callspec", None) is not None
        and item.callspec.params.get("each_browser") == "firefox"  # type: ignore[attr-defined]
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for a file; profiles keep tests apart."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def firefox() -> AsyncIterator[Browser]:
    """One Firefox for a file."""
    async with run_firefox() as browser:
        yield browser


@pytest.fixture(params=["browser", "firefox"], ids=["chromium", "firefox"])
def each_browser(request: pytest.FixtureRequest) -> Browser:
    """Each browser in turn, started when a test first needs it."""
    browser: Browser = request.getfixturevalue(request.param)
    return browser


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(each_browser: Browser) -> AsyncIterator[Visitors]:
    """The people of a test, in both browsers. No page of theirs may have complained about anything."""
    visitors = Visitors(each_browser)
    yield visitors
    await visitors.leave()
    assert not visitors.unexpected
