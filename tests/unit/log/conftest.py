"""Tests of the write side. They commit for real, on SQLite here and once more on PostgreSQL (`test_postgresql.py`)."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker

from notifications import doorbell
from notifications.models import Notification
from tests.support.ledger import Rung


@pytest.fixture(autouse=True)
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let tests commit, and clean up by hand: Django's own flush costs 50 ms for each test, this 5 ms."""
    with django_db_blocker.unblock():
        yield
        Notification.objects.all().delete_rows()
        User.objects.all().delete()


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    kept = Rung()
    monkeypatch.setattr(doorbell, "ring", kept.ring)
    return kept
