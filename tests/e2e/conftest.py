"""What the end-to-end tests share: one site with its servers for the whole run, and fresh people for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.chromium import Visitors, chromium
from tests.support.firefox import firefox as run_firefox
from tests.support.processes import running
from tests.support.servers import Person, Server, Site

PING_SECONDS = 0.5  # a test waits for a ping where it must know that nothing else was sent
SWEEP_SECONDS = 0.2  # and for the sweeper wherever another process writes; its own 3 s are what `unhurried` is for


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Show the logs of the programs that run while a test fails."""
    report = yield
    if report.failed:
        report.sections += [(f"log of {process.name}", process.tail) for process in running]
    return report


@pytest.fixture(scope="session")
def site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite without Redis: each of its processes hears only its own doorbells."""
    settings = {"NOTIFICATIONS_PING_SECONDS": PING_SECONDS}
    with Site(tmp_path_factory.mktemp("site"), blank=blank, settings=settings) as site:
        yield site


@pytest.fixture(scope="session")
def daphne(site: Site) -> Server:
    """Daphne, which soon shows what another process writes. It also has the pages of errors to look at."""
    return site.daphne(NOTIFICATIONS_SWEEP_SECONDS=SWEEP_SECONDS, ROOT_URLCONF="tests.support.urls_states")


@pytest.fixture(scope="session")
def uvicorn(site: Site) -> Server:
    """Uvicorn, which soon shows what another process writes."""
    return site.uvicorn(NOTIFICATIONS_SWEEP_SECONDS=SWEEP_SECONDS)


@pytest.fixture(scope="session")
def unhurried(site: Site) -> Server:
    """Daphne with the default sweep interval."""
    return site.daphne()


@pytest.fixture(scope="session")
def live(site: Site) -> Server:
    """Daphne whose sweeper sleeps: what shows there at once came by the doorbell."""
    return site.daphne(NOTIFICATIONS_SWEEP_SECONDS=3600.0)


@pytest.fixture
def user(site: Site) -> Person:
    """The person a test is about."""
    return site.add_person("user")


@pytest.fixture
def other(site: Site) -> Person:
    """The person who must see nothing of it."""
    return site.add_person("other")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the run; profiles keep tests apart."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def firefox() -> AsyncIterator[Browser]:
    """One Firefox for the run."""
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


@pytest.fixture
def admin(site: Site) -> Person:
    """Someone who may send notifications."""
    return site.add_person("admin", is_admin=True)
