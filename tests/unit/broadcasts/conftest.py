"""What the tests of broadcasts share: drafts and people.

They commit for real, on SQLite here and once more on PostgreSQL (`test_broadcasts_postgresql.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import DjangoDbBlocker

from notifications import doorbell
from notifications.broadcasts import pace, sending
from notifications.models import Broadcast, Notification
from tests.support.ledger import Rung


@pytest.fixture(autouse=True)
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let tests commit, and clean up by hand: Django's own flush costs 50 ms for each test, this 5 ms."""
    with django_db_blocker.unblock():
        yield
        Notification.objects.all().delete_rows()
        Broadcast.objects.all().delete()
        Group.objects.all().delete()
        User.objects.all().delete()


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    kept = Rung()
    monkeypatch.setattr(doorbell, "ring", kept.ring)
    return kept


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
    monkeypatch.setattr(pace, "MOST_USERS", 3)
    monkeypatch.setattr(sending, "KEYS_PER_READ", 5)
