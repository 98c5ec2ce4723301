"""Fixtures of the tests that ask real servers: a site with its servers for each file, and fresh people for each test.

A server that stands idle to the end of a run still sweeps five times a second; to start one anew for each file costs less.

The `conftest.py` of `tests/integration` and of `tests/e2e` import them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import Person, Server, Site

__all__ = ["admin", "daphne", "live", "other", "site", "unhurried", "user", "uvicorn"]

PING_SECONDS = 0.5  # a test waits for a ping where it must know that nothing else was sent
SWEEP_SECONDS = 0.2  # and for the sweeper wherever another process writes; its own 3 s are what `unhurried` is for


@pytest.fixture(scope="module")
def site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite without Redis: each of its processes hears only its own doorbells."""
    settings = {"NOTIFICATIONS_PING_SECONDS": PING_SECONDS}
    with Site(tmp_path_factory.mktemp("site"), blank=blank, settings=settings) as site:
        yield site


@pytest.fixture(scope="module")
def daphne(site: Site) -> Server:
    """Daphne, which soon shows what another process writes. It also has the pages of errors to look at."""
    return site.daphne(NOTIFICATIONS_SWEEP_SECONDS=SWEEP_SECONDS, ROOT_URLCONF="tests.support.urls_states")


@pytest.fixture(scope="module")
def uvicorn(site: Site) -> Server:
    """Uvicorn, which soon shows what another process writes."""
    return site.uvicorn(NOTIFICATIONS_SWEEP_SECONDS=SWEEP_SECONDS)


@pytest.fixture(scope="module")
def unhurried(site: Site) -> Server:
    """Daphne with the default sweep interval."""
    return site.daphne()


@pytest.fixture(scope="module")
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


@pytest.fixture
def admin(site: Site) -> Person:
    """Someone who may send notifications."""
    return site.add_person("admin", is_admin=True)
