"""What a write costs in queries, as the docstrings state it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications import log, notify, notify_many
from notifications.log.replay import inbox_of
from notifications.models import Notification


def count(act: Callable[[], Any]) -> int:
    """Return how many queries `act` runs, without the statements that open and close transactions."""
    with CaptureQueriesContext(connection) as queries:
        act()
    words = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
    return sum(not query["sql"].startswith(words) for query in queries)


@pytest.fixture
def row(user: User) -> Notification:
    """A notification in an inbox that exists."""
    return notify(user, title="old")


def test_notify_costs_3(user: User, row: Notification) -> None:
    """Lock, insert, move on."""
    assert count(lambda: notify(user, title="new")) == 3


def test_a_users_first_notification_costs_5_more(user: User) -> None:
    """The inbox is looked for, its user and rows too, it is made and locked."""
    assert count(lambda: notify(user, title="new")) == 8


def test_notify_many_costs_3(user: User, other_user: User) -> None:
    """For several users as for one: lock, insert, move on."""
    notify_many([user, other_user], title="makes the inboxes")
    assert count(lambda: notify_many([user, other_user], title="new")) == 3


def test_notify_many_to_500_users_costs_the_same() -> None:
    """However many users a transaction takes, the rows are made in one statement."""
    users = User.objects.bulk_create([User(username=f"many{n}") for n in range(500)])
    notify_many(users, title="makes the inboxes")
    assert count(lambda: notify_many(users, title="new")) == 3


def test_saving_an_edited_one_costs_5(row: Notification) -> None:
    """Look up, lock, look again, update, move on; chosen fields are read once more to be told."""
    row.title = "edited"
    assert count(row.save) == 5
    assert count(lambda: row.save(update_fields=["title"])) == 6


@pytest.mark.parametrize("rows", [1, 50])
def test_changing_up_to_50_rows_costs_5(rows: int, user: User) -> None:
    """Whose are they, lock, read, update, move on."""
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(rows)])
    mine = Notification.objects.for_user(user)
    assert count(mine.mark_read) == 5
    assert count(lambda: mine.update(title="edited")) == 5
    assert count(mine.archive) == 5


def test_changing_any_number_of_rows_costs_a_fixed_number(user: User) -> None:
    """Beyond 50 rows the inbox is counted again in SQL; a thousand rows cost what a hundred do."""
    mine = Notification.objects.for_user(user)
    costs = []
    for rows in (100, 300):
        Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(rows)])
        costs.append(count(mine.mark_unread if mine.read().exists() else mine.mark_read))
        mine.mark_read()
    assert costs[0] == count(mine.mark_unread) == 7


def test_marking_all_read_costs_4(user: User) -> None:
    """Lock, count, update, move on, however many rows."""
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(100)])
    assert count(lambda: log.mark_all_read(user)) == 4


def test_marking_a_topic_read_costs_1_where_nothing_is_unread(user: User) -> None:
    """Look, by the index; where something is unread, as for any change of up to 50 rows."""
    Notification.objects.create(recipient=user, title="Paid", topic="billing.invoice:7")
    assert count(lambda: log.mark_topic_read(user, "billing.invoice:8")) == 1
    assert count(lambda: log.mark_topic_read(user, "billing.invoice:7")) == 5


def test_bulk_update_costs_3_for_each_row(user: User) -> None:
    """Read, update and read again each, under one lock and one step."""
    rows = Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(4)])
    assert count(lambda: Notification.objects.bulk_update(rows, ["title"])) == 2 + 3 * 4


def test_reading_the_badge_costs_1(user: User, row: Notification) -> None:
    """One look-up by primary key, whatever the size of the inbox."""
    assert count(lambda: inbox_of(user)) == 1


def test_a_refusal_costs_nothing(user: User) -> None:
    """A notification that cannot be is refused before the database hears of it."""
    with CaptureQueriesContext(connection) as queries, pytest.raises(Exception, match="title"):
        notify(user, title="")
    assert len(queries) == 0


def test_deleting_a_user_takes_the_inbox_before_the_rows(user: User, other_user: User) -> None:
    """Every write locks the inbox first; Django deletes the rows first, and the two orders could deadlock."""
    notify_many([user, other_user], title="old")
    with CaptureQueriesContext(connection) as queries:
        user.delete()
    names = ("live_notifications_inbox", "live_notifications_notification")
    tables = [query["sql"] for query in queries if any(name in query["sql"] for name in names)]
    assert "live_notifications_inbox" in tables[0]
    assert tables[0].startswith("SELECT")
    assert any(sql.startswith("DELETE") and "live_notifications_notification" in sql for sql in tables[1:])
    assert Notification.objects.for_user(other_user).count() == 1
