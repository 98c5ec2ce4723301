"""One new row past the ORM: what is stored is what the ORM would have stored."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from notifications.models import Notification

pytestmark = pytest.mark.django_db
CONTENT: dict[str, Any] = {
    "category": "billing",
    "level": "warning",
    "title": "100 % \u2028 %s",
    "body": "two\nlines",
    "url": "/invoices/7/",
    "actor": "Ada",
    "topic": "billing.invoice:7",
    "data": {"%s": [1, None, "ü"]},
    "created_at": timezone.now() - dt.timedelta(days=1),
    "read_at": timezone.now(),
    "archived_at": None,
}


def stored(row: Notification) -> dict[str, Any]:
    """Return what the database holds of a row."""
    return dict(Notification.objects.filter(pk=row.pk).values(*CONTENT, "recipient", "modseq").get())


def test_every_field_is_stored(user: User) -> None:
    """Each with its value, and the instance knows its key and that it is saved."""
    row = Notification.objects.create(recipient=user, **CONTENT)
    assert not row._state.adding
    assert row._state.db == "default"
    assert stored(row) == {**CONTENT, "recipient": user.pk, "modseq": 2}


def test_a_key_that_is_given_is_kept(user: User) -> None:
    """As when a backup is loaded, or a deletion taken back."""
    row = Notification.objects.create(pk=4711, recipient=user, **CONTENT)
    assert row.pk == 4711
    assert stored(row)["title"] == CONTENT["title"]


@pytest.mark.not_on("postgresql")  # it has no other way to say a key
def test_a_database_that_returns_no_key_is_asked_for_the_last_one(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL: the row is the same, and the instance knows its key."""
    monkeypatch.setitem(connection.features.__dict__, "can_return_columns_from_insert", False)
    row = Notification(recipient=user, **CONTENT)
    row.save()
    assert row == Notification.objects.get(recipient=user)
    assert stored(row) == {**CONTENT, "recipient": user.pk, "modseq": 2}
