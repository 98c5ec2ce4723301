"""The bookkeeping of a write: locks, numbers, and a doorbell after the commit that can fail without harm."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from notifications import doorbell, log
from notifications.doorbell import Change
from notifications.log import locks, steps
from notifications.models import Notification
from notifications.publish import notify, notify_many
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
    assert "notifications.log.steps.Step" in caplog.text


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
    locking = [query["sql"] for query in queries if 'FROM "notifications_inbox"' in query["sql"]]
    one, two = user.pk, other_user.pk
    lists = f"IN ({one}, {two})", f"ANY('{{{one},{two}}}'"  # PostgreSQL takes one array
    assert any(any(keys in sql for keys in lists) and 'ORDER BY "user_id"' in sql for sql in locking)


def test_sqlite_is_locked_before_it_is_read(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where transactions do not begin with the lock, a write that changes nothing takes it first."""
    if connection.features.has_select_for_update:
        pytest.skip("a question about SQLite")
    notify(user, title="makes the inbox")
    monkeypatch.setattr(locks, "begins_with_lock", lambda _connection: False)
    with CaptureQueriesContext(connection) as queries:
        log.mark_seen(user)
    first = next(query["sql"] for query in queries if not query["sql"].startswith("BEGIN"))
    assert first.startswith('UPDATE "notifications_inbox" SET "modseq" = "notifications_inbox"."modseq"')
    assert_exact(user)


def test_a_step_is_forgotten_with_its_transaction(user: User) -> None:
    """No state of one transaction reaches the next, also after a rollback."""
    undo(notify, user, title="undone")
    assert list(steps.live_steps("default")) == []
    notify(user, title="kept")
    assert list(steps.live_steps("default")) == []
