"""The bookkeeping of a write: locks, numbers, and a doorbell after the commit that can fail without harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from notifications import log, notify, notify_many
from notifications.log import doorbell, inbox_write, locks
from notifications.log.doorbell import Change
from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, assert_exact, heard, undo, undone


def test_a_receiver_of_the_commit_may_write(user: User, rung: Rung) -> None:
    """A write in an `on_commit` callback is a transaction and a step of its own."""
    client = Client(user)
    with transaction.atomic():
        transaction.on_commit(lambda: notify(user, title="second") and None)
        notify(user, title="first")
    assert sorted(change.modseq for change in rung.changes) == [2, 3]
    heard(user, rung, client)


def test_callbacks_captured_by_a_test_case_ring(
    user: User, rung: Rung, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """Within `TestCase.captureOnCommitCallbacks(execute=True)` each block rings what was written in it, as a step."""
    client = Client(user)
    with undone():  # as TestCase wraps each test
        for title in ("first", "second"):
            with django_capture_on_commit_callbacks(execute=True) as callbacks:
                notify(user, title=title)
            assert len(callbacks) == 1
            heard(user, rung, client)
        assert [change.modseq for change in rung.changes] == [2, 3]
        assert client.reads == 0


def test_a_doorbell_that_fails_does_not_fail_the_write(
    user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong after the commit is logged by Django, under the name of the step.

    Regression: the step had no `__qualname__`, so Django's own log line raised out of the commit.
    """

    def fail(_changes: list[Change]) -> None:
        raise RuntimeError("the bell fell off")

    monkeypatch.setattr(doorbell, "ring", fail)
    notify(user, title="stands")
    assert Notification.objects.for_user(user).count() == 1
    assert "notifications.log.inbox_write.CommitHook" in caplog.text


def test_what_rings_is_what_was_stored(user: User, rung: Rung) -> None:
    """The caller may go on using the dictionary that was sent, without changing what clients are told."""
    data = {"count": 1}
    with transaction.atomic():
        notify(user, title="new", data=data)
        data["count"] = 2
    assert rung.changes[0].data is not None
    assert json.loads(rung.changes[0].data)["upsert"][0]["data"] == {"count": 1}


def test_many_users_are_locked_in_the_order_of_their_keys(user: User, other_user: User) -> None:
    """However they are given; one query locks them all."""
    with CaptureQueriesContext(connection) as queries:
        notify_many([other_user, user], title="new")
    table, key = map(connection.ops.quote_name, (Inbox._meta.db_table, "user_id"))
    locking = [query["sql"] for query in queries if f"FROM {table}" in query["sql"]]
    one, two = user.pk, other_user.pk
    lists = f"IN ({one}, {two})", f"ANY('{{{one},{two}}}'"  # PostgreSQL takes one array
    assert any(any(keys in sql for keys in lists) and f"ORDER BY {key}" in sql for sql in locking)


@pytest.mark.only_on("sqlite")
def test_sqlite_is_locked_before_it_is_read(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where transactions do not begin with the lock, a write that changes nothing takes it first."""
    notify(user, title="makes the inbox")
    monkeypatch.setattr(locks, "begins_with_lock", lambda _connection: False)
    with CaptureQueriesContext(connection) as queries:
        log.mark_seen(user)
    first = next(query["sql"] for query in queries if not query["sql"].startswith("BEGIN"))
    assert first.startswith('UPDATE "live_notifications_inbox" SET "modseq" = "live_notifications_inbox"."modseq"')
    assert_exact(user)


def test_a_step_is_forgotten_with_its_transaction(user: User) -> None:
    """No state of one transaction reaches the next, also after a rollback."""
    undo(notify, user, title="undone")
    assert list(inbox_write.live_hooks("default")) == []
    notify(user, title="kept")
    assert list(inbox_write.live_hooks("default")) == []


# --- transactions that a site commits by hand


@pytest.fixture
def by_hand() -> Iterator[None]:
    """Commit by hand, as with `set_autocommit(False)` or `AUTOCOMMIT: False`."""
    transaction.set_autocommit(False)
    try:
        yield
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_each_commit_by_hand_takes_a_number(user: User, other_user: User, rung: Rung, by_hand: None) -> None:
    """Two writes before a commit share a number, those after it have the next one; a rollback gives its number back.

    Regression: the step of the first commit was joined for ever, since Django runs no callback after a commit by hand.
    """
    rows = []
    for titles in (["one", "one too"], ["two"], ["undone"], ["three"]):
        rows += [notify(user, title=title) for title in titles]
        transaction.rollback() if titles == ["undone"] else transaction.commit()
    assert [row.modseq for row in rows] == [2, 2, 3, 4, 4]
    assert not Notification.objects.for_user(other_user).exists()
    assert_exact(user)


def test_what_was_committed_by_hand_rings_later(user: User, rung: Rung, by_hand: None) -> None:
    """With the next write on this connection, or when autocommit is turned on; until then the sweeper finds it."""
    client = Client(user)
    transaction.commit()
    for title in ("one", "two"):
        notify(user, title=title)
        transaction.commit()
    assert [(change.prev, change.modseq) for change in rung.changes] == [(1, 2)]
    transaction.set_autocommit(True)
    assert [(change.prev, change.modseq) for change in rung.changes] == [(1, 2), (2, 3)]
    heard(user, rung, client)
    transaction.set_autocommit(False)


def test_a_write_by_hand_holds_the_lock_before_it_reads(user: User, rung: Rung, by_hand: None) -> None:
    """Nobody can take the number that a write is about to take, also where the driver begins transactions by itself.

    Regression: SQLite's driver does so with the first write, so the inbox was read without any lock.
    """

    def write_elsewhere() -> Notification:
        try:
            return notify(user, title="elsewhere")
        finally:
            connections.close_all()

    def meanwhile(execute: Any, sql: str, *arguments: Any) -> Any:
        found = execute(sql, *arguments)
        if sql.startswith("SELECT") and "live_notifications_inbox" in sql and not others:
            others.append(pool.submit(write_elsewhere))
            wait(others, timeout=0.5)  # without the lock it would be done by then
        return found

    others: list[Future[Notification]] = []
    client = Client(user)
    transaction.commit()
    with ThreadPoolExecutor(1) as pool, connection.execute_wrapper(meanwhile):
        here = notify(user, title="here")
        transaction.commit()
        assert [here.modseq, others[0].result(30).modseq] == [client.modseq + 1, client.modseq + 2]
    transaction.set_autocommit(True)
    heard(user, rung, client)


@pytest.mark.parametrize("end", ["commit", "cursor"])
def test_blocks_within_one_commit_by_hand_share_a_number(user: User, rung: Rung, by_hand: None, end: str) -> None:
    """Several `atomic()` blocks are one commit there; on SQLite, where the outermost savepoint commits, each is one."""
    rows = []
    for turn in range(2):
        for part in range(2):
            with transaction.atomic():
                rows.append(notify(user, title=f"{turn}.{part}"))
        if end == "commit":
            transaction.commit()
        elif connection.vendor != "sqlite":  # there nothing is open any more
            with connection.cursor() as cursor:
                cursor.execute("COMMIT")
    assert [row.modseq for row in rows] == ([2, 3, 4, 5] if connection.vendor == "sqlite" else [2, 2, 3, 3])
    transaction.commit()
    assert_exact(user)


def test_turning_autocommit_on_ends_a_transaction(user: User, rung: Rung) -> None:
    """SQLite commits there, PostgreSQL refuses; what comes after takes a number of its own, and what came before rings."""
    client = Client(user)
    transaction.set_autocommit(False)
    first = notify(user, title="one")
    if connection.vendor != "sqlite":
        transaction.commit()
    transaction.set_autocommit(True)
    with transaction.atomic():
        second = notify(user, title="two")
    assert (first.modseq, second.modseq) == (2, 3)
    heard(user, rung, client)


def test_a_callback_that_fails_keeps_nothing_of_its_transaction(user: User, rung: Rung) -> None:
    """Where a site's own callback raises, Django drops those after it: the doorbell is lost, the number is not reused."""

    def fail() -> None:
        raise RuntimeError("not robust")

    @transaction.atomic
    def write() -> None:
        transaction.on_commit(fail)
        notify(user, title="one")

    client = Client(user)
    with pytest.raises(RuntimeError):
        write()
    assert rung.changes == []
    assert notify(user, title="two").modseq == 3
    heard(user, rung, client)
