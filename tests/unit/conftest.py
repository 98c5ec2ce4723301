"""What unit tests share: a running site, doorbells that ring only when a test rings them, commits, and drafts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import DjangoDbBlocker

from notifications.broadcasts import sending, throttle
from notifications.log import doorbell
from notifications.log.doorbell import Change
from notifications.models import Broadcast, Notification
from tests.support.asgi import Site, open_site
from tests.support.ledger import Rung


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test sets: at the beginning of a minute, and at rest, however long the test takes."""
    now = [60_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


# --- Tests that commit: a module or folder of them has `committing` for its `db`, and `ledger` for its `rung`


@pytest.fixture
def committing(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let tests commit, and clean up by hand: Django's own flush costs 50 ms for each test, this 5 ms."""
    with django_db_blocker.unblock():
        yield
        Notification.objects.all().delete_rows()
        Broadcast.objects.all().delete()
        Group.objects.all().delete()
        User.objects.all().delete()


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    kept = Rung()
    monkeypatch.setattr(doorbell, "ring", kept.ring)
    return kept


# --- Broadcasts


@pytest.fixture
def people(db: None) -> list[User]:
    """Twelve active users and one who is not, in the order of their keys."""
    users = [User(username=f"user{number}", is_active=number != 5) for number in range(13)]
    return [user for user in User.objects.bulk_create(users) if user.is_active]


@pytest.fixture
def draft(db: None) -> Callable[..., Broadcast]:
    """Makes drafts for everyone."""

    def make(**fields: Any) -> Broadcast:
        return Broadcast.objects.create(**{"title": "Maintenance at 22:00", **fields})

    return make


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three users, read five at a time."""
    monkeypatch.setattr(throttle, "USERS_PER_TRANSACTION", 3)
    monkeypatch.setattr(sending, "KEYS_PER_READ", 5)
