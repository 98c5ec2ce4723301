"""Deleting rows of many users: one statement moves all their inboxes, whatever the numbers in them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications import notify, notify_many
from notifications.models import Inbox, Notification


@pytest.mark.parametrize("count", [2, 40])
def test_floors_of_many_users_rise_in_one_statement(db: None, count: int) -> None:
    """Each floor is at the head of its own log afterwards, though the logs are of different lengths."""
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(count))
    notify_many(users, title="early")
    for user in users[::2]:
        notify(user, title="more")
    notify_many(users, title="doomed")
    with CaptureQueriesContext(connection) as captured:
        Notification.objects.filter(title="doomed").delete()
    table = connection.ops.quote_name(Inbox._meta.db_table)
    moves = [query["sql"] for query in captured if query["sql"].startswith(f"UPDATE {table}")]
    assert len(moves) == 1
    assert all(inbox.floor == inbox.modseq for inbox in Inbox.objects.all())
    assert sorted(Inbox.objects.values_list("modseq", flat=True)) == [4] * (count // 2) + [5] * (count // 2)
