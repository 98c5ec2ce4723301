"""The log: writes of more rows than are told one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, assert_exact, standing

MANY: dict[str, Callable[[Any], Any]] = {
    "mark_read": lambda rows: rows.mark_read(),
    "archive": lambda rows: rows.archive(),
    "update": lambda rows: rows.update(title="edited"),
    "delete": lambda rows: rows.delete()[0],
    "mark_read a slice": lambda rows: rows.order_by("id")[10:90].mark_read(),
    "delete a slice": lambda rows: rows.order_by("id")[10:90].delete()[0],
}


@pytest.mark.parametrize("write", MANY.values(), ids=MANY.keys())
def test_more_than_50_rows_ring_light(write: Callable[[Any], Any], user: User, other_user: User, rung: Rung) -> None:
    """One step without content for each user; the counters are exact, and who reads the log has everything."""
    users = [user, other_user]
    Notification.objects.bulk_create([Notification(recipient=users[n % 2], title=f"{n}") for n in range(110)])
    Notification.objects.for_user(user).filter(title__endswith="2").mark_read()
    heads = {each.pk: Inbox.objects.get(pk=each.pk).modseq for each in users}
    clients = [Client(each) for each in users]
    rung.changes.clear()

    assert write(Notification.objects.all()) > 50

    assert {(change.user, change.prev, change.modseq, change.data) for change in rung.changes} == {
        (str(pk), modseq, modseq + 1, None) for pk, modseq in heads.items()
    }
    assert_exact(*users)
    for client in clients:
        for change in rung.changes:
            client.hear(change)
        client.items = {pk: row for pk, row in standing(User(pk=client.user_id))[1].items() if not row["archived_at"]}
        client.assert_up_to_date()


@pytest.mark.parametrize("count", [50, 51])
def test_50_rows_are_told_one_by_one(count: int, user: User, rung: Rung) -> None:
    """The limit is the same for inserts and for what a transaction adds up to."""
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(count)])
    assert (rung.changes[-1].data is None) is (count > 50)
    with transaction.atomic():
        for row in Notification.objects.for_user(user):
            row.mark_read()
    assert (rung.changes[-1].data is None) is (count > 50)
    assert_exact(user)


@pytest.mark.parametrize("count", [1, 60])
def test_what_is_archived_is_read(count: int, user: User, rung: Rung) -> None:
    """In one step, few or many; what was read before keeps its time, and what returns stays read."""
    rows = Notification.objects.for_user(user)
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(2 * count)])
    read = list(rows.values_list("pk", flat=True)[:count])
    rows.filter(pk__in=read).mark_read()
    times = dict(rows.filter(pk__in=read).values_list("pk", "read_at"))
    head = Inbox.objects.get(pk=user.pk).modseq
    assert rows.archive() == 2 * count
    inbox = Inbox.objects.get(pk=user.pk)
    assert (inbox.modseq, inbox.unread, inbox.unseen) == (head + 1, 0, 0)
    stored = {row.pk: row for row in rows}
    assert {pk: stored[pk].read_at for pk in read} == times
    assert all(row.read_at == row.archived_at for pk, row in stored.items() if pk not in times)
    if count == 1:
        told = json.loads(rung.changes[-1].data or "")["upsert"]
        assert all(item["read_at"] and item["archived_at"] for item in told)
    assert rows.unarchive() == 2 * count
    assert rows.filter(read_at=None).count() == Inbox.objects.get(pk=user.pk).unread == 0
    assert_exact(user)


def test_an_archived_one_that_is_marked_as_unread_comes_back(user: User, other_user: User) -> None:
    """What is to be read again is in the list and in the badge; what somebody else archived stays."""
    Notification.objects.bulk_create([Notification(recipient=each, title="One") for each in (user, other_user)])
    Notification.objects.all().archive()
    assert Notification.objects.for_user(user).mark_unread() == 1
    assert Notification.objects.for_user(user).unread().count() == Inbox.objects.get(pk=user.pk).unread == 1
    assert Notification.objects.for_user(other_user).archived().count() == 1
    assert_exact(user, other_user)
