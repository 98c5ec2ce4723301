"""What the tests of the streams share: a running site, and doorbells that ring only when a test rings them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache

from notifications import doorbell
from notifications.access import audit
from notifications.doorbell import Change
from tests.support.asgi import Site, open_site


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test with nobody's acts counted: users of different tests share their keys, and so their counts."""
    cache.clear()
    monkeypatch.setattr(audit, "tally", audit.Tally())


@pytest.fixture
async def site(user: User, other_user: User) -> AsyncIterator[Site]:
    """The stream application with its hub, and nothing that happens by itself. Needs `django_db(transaction=True)`."""
    async with open_site() as site:
        yield site


@pytest.fixture
async def bystander(site: Site, other_user: User) -> AsyncIterator[None]:
    """The other user has a stream open all the while, and nothing of what happens shows there."""
    browser = await site.open(other_user)
    await browser.hello()
    yield
    assert browser.unseen_events == []


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """Hold every doorbell back; the test rings them."""
    held: list[Change] = []
    monkeypatch.setattr(doorbell, "ring", held.extend)
    return held
