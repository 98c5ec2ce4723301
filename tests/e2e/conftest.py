"""What the end-to-end tests share: a running site with its servers and people, and browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.chromium import Visitors, chromium
from tests.support.firefox import firefox as run_firefox
from tests.support.running_site import admin, daphne, live, other, site, unhurried, user, uvicorn

__all__ = ["admin", "daphne", "live", "other", "site", "unhurried", "user", "uvicorn"]  # fixtures, for pytest to find


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
