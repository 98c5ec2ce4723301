"""Host projects: the one that the README's steps make, built once, and copies of it with what other sites have besides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.chromium import Visitors, chromium
from tests.support.host import Host, build, link


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A project with a page, the steps done, tables made and two users logged in; not to be changed."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "project").mkdir()
    return build(Host(folder / "project", link(folder / "app")))


@pytest.fixture
def host(built: Host, tmp_path: Path) -> Host:
    """A project of the test's own, like that one."""
    return built.copy_to(tmp_path / "project")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium that the system has."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    """Profiles of that browser. What a page complains about fails the test."""
    here = Visitors(browser)
    here.expect_problem(r"/favicon\.ico\)$")  # a fresh project has none
    here.expect_problem(r"net::ERR_\w+ \(\S+/notifications/")  # the server ends before its pages
    yield here
    await here.leave()
    assert here.unexpected == []
