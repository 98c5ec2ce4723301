"""Upkeep among writers: nothing deadlocks, nothing is miscounted, and nobody is called wrong who is only being written to.

Runs on SQLite with everything else, and on PostgreSQL by `integration/test_databases.py`.
"""

from __future__ import annotations

import datetime as dt
import io
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from notifications import mark_all_read, mark_seen, notify, notify_many
from notifications.log import doorbell
from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, assert_exact, standing

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS: Final = 3
SECONDS: Final = 60.0  # a deadlock would stand until here; a run takes about two


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    kept = Rung()
    monkeypatch.setattr(doorbell, "ring", kept.ring)
    return kept


@pytest.fixture
def users(other_user: User) -> list[User]:
    """Users with forty old notifications each, half of them read."""
    made = User.objects.bulk_create([User(username=f"busy{n}") for n in range(6)])
    sent = timezone.now() - dt.timedelta(days=100)
    rows = [Notification(recipient=each, title=f"old {n}", created_at=sent) for each in made for n in range(40)]
    Notification.objects.bulk_create(rows)
    Notification.objects.filter(title__endswith="1").mark_read()
    notify(other_user, title="left in peace")
    return made


def among_writers(users: list[User], work: Callable[[], Any]) -> Any:
    """Return what `work` returns, with writers in threads of their own from before it begins until it has ended."""
    is_over, are_writing = threading.Event(), threading.Barrier(WRITERS + 1)

    def write(seed: int) -> None:
        rng = random.Random(seed)
        try:
            are_writing.wait(SECONDS)
            while not is_over.is_set():
                write_something(rng, users)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        futures = [pool.submit(write, seed) for seed in range(WRITERS)]
        try:
            are_writing.wait(SECONDS)
            return work()
        finally:
            is_over.set()
            for future in futures:
                future.result(SECONDS)


def write_something(rng: random.Random, users: list[User]) -> None:
    """Make one of the changes that a site makes, to some of these users."""
    some = rng.sample(users, rng.randint(1, 4))
    rows = Notification.objects.filter(recipient__in=some)
    few = Notification.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:9]))
    choice = rng.randrange(6)
    if choice == 0:
        notify_many(some, title="new")
    elif choice == 1:
        few.archive()
    elif choice == 2:
        mark_all_read(some[0])
    elif choice == 3:
        mark_seen(some[0])
    elif choice == 4:
        few.mark_unread()
    else:
        few.filter(title="new").delete()


def run(name: str, **options: Any) -> str:
    """Run a command and return what it wrote."""
    out = io.StringIO()
    call_command(name, stdout=out, **options)
    return out.getvalue()


def test_pruning_among_writers_loses_nothing(users: list[User], other_user: User, rung: Rung) -> None:
    """Old ones go while others are written; counters equal a recount, and pages that hear in order need no reset."""
    clients, others = [Client(each) for each in users], standing(other_user)
    among_writers(
        users, lambda: [run("prune_notifications", older_than="90d", include_unread=True, batch=15) for _ in range(2)]
    )
    assert not Notification.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=90)).exists()
    assert_exact(*users)
    for client in clients:
        for change in sorted(rung.changes, key=lambda change: change.modseq):
            client.hear(change)
        client.read()
        client.assert_up_to_date()
    assert standing(other_user) == others


def test_checking_among_writers_calls_nobody_wrong(users: list[User], other_user: User) -> None:
    """However often it looks, it finds and repairs nothing where nothing is wrong."""
    others = standing(other_user)
    reports = among_writers(
        users, lambda: [run("check_inboxes", batch=3, repair=is_repair) for is_repair in (False, True) * 4]
    )
    assert all("all are right" in report for report in reports)
    assert_exact(*users)
    assert standing(other_user) == others


def test_repairing_among_writers_sets_right(users: list[User], other_user: User, settings: Settings) -> None:
    """An inbox that is off is exact afterwards, whatever was written to it meanwhile."""
    settings.NOTIFICATIONS_PAGE_SIZE = 10_000  # a snapshot tells all rows, so that all can be compared
    client, others = Client(users[0]), standing(other_user)
    Inbox.objects.filter(pk=users[0].pk).update(unread=1000, unseen=1000)
    assert "repaired" in among_writers(users, lambda: run("check_inboxes", repair=True))
    assert_exact(*users)
    client.read()
    client.assert_up_to_date()
    assert standing(other_user) == others


def test_renewing_among_writers_moves_epochs_only(users: list[User], other_user: User) -> None:
    """No write is lost to it, and every inbox ends with another epoch."""
    before = dict(Inbox.objects.values_list("pk", "epoch"))
    among_writers(users, lambda: [run("renew_epochs", batch=2) for _ in range(5)])
    after = dict(Inbox.objects.values_list("pk", "epoch"))
    assert all(after[pk] != epoch for pk, epoch in before.items())
    assert_exact(*users, other_user)


def test_users_may_be_deleted_while_pruning(users: list[User], other_user: User) -> None:
    """Neither waits for the other for ever, and the others' inboxes are exact."""
    leaving, staying = users[:3], users[3:]

    def leave() -> None:
        try:
            for each in leaving:
                each.delete()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        gone = pool.submit(leave)
        run("prune_notifications", keep=1, include_unread=True, batch=5)
        gone.result(SECONDS)
    assert [Notification.objects.for_user(each).count() for each in staying] == [1, 1, 1]
    assert_exact(*staying, other_user)
