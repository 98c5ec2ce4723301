"""Databases that do not return what they insert, as MySQL: the features of this connection are put as they are there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from notifications import broadcast, notify, notify_many, track
from notifications.models import Notification
from tests.support.ledger import Client, Rung, assert_exact, heard

pytestmark = pytest.mark.not_on("postgresql")  # it has no other way to say a key


@pytest.fixture(autouse=True)
def returns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the key of one row nor those of many come back from an INSERT."""
    for name in ("can_return_columns_from_insert", "can_return_rows_from_bulk_insert"):
        monkeypatch.setattr(type(connection.features), name, False)
        monkeypatch.setitem(connection.features.__dict__, name, False)  # what was asked before is kept there


def test_notify_returns_a_row_with_its_key(user: User, other_user: User, rung: Rung) -> None:
    """It can be used at once, and what rings carries the key.

    Regression: the row was inserted in bulk, which gives no key there; `mark_read()` of what `notify()` returned failed.
    """
    client, bystander = Client(user), Client(other_user)
    row = notify(user, title="new")
    assert row == Notification.objects.get()
    assert row.mark_read()
    heard(user, rung, client)
    heard(other_user, rung, bystander)
    assert client.reads == 0
    assert bystander.items == {}


def test_many_rows_are_read_from_the_log(user: User, other_user: User, rung: Rung) -> None:
    """Whatever inserts several at once rings without their content, for nobody knows their keys yet.

    Regression: what rang held rows without keys.
    """
    third = User.objects.create(username="user3")
    clients = [Client(user), Client(other_user)]
    bystander = Client(third)
    notify_many([user, other_user], title="to both")
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{number}") for number in range(3)])
    broadcast(title="to both again", audience=User.objects.exclude(pk=third.pk))
    for person, client in zip([user, other_user], clients, strict=True):
        heard(person, rung, client)
    assert [len(client.items) for client in clients] == [5, 2]
    assert bystander.items == {}
    assert rung.of(third) == []


def test_a_job_shows_its_end(user: User) -> None:
    """Its notification is found by its key.

    Regression: `track()` failed on entering the block, for the notification had no key.
    """
    with track(user, title="Export", total=2) as job:
        job.advance(2)
    row = Notification.objects.get()
    assert row.pk == job.notification_id
    assert row.data["progress"] == {"done": 2, "total": 2, "state": "success"}
    assert_exact(user)
