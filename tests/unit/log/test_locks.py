"""Locks beside a site's own: whoever locks their rows first, or ours, meets no deadlock.

They say something on PostgreSQL and MariaDB (`tests/integration`); SQLite has one lock for all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, connections, transaction
from django.db.transaction import TransactionManagementError

from notifications import log, notify, order_broadcast
from notifications.broadcasts.leases import claim_lease
from notifications.broadcasts.sending import write_chunk
from notifications.models import Broadcast, Inbox, Notification
from notifications.models.broadcast import BroadcastState
from tests.support.contention import Contention, count_deadlocks, find_miscounts
from tests.support.ledger import Rung, assert_exact
from tests.support.waits import count_waiting_locks

SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.15
TRANSACTIONS: Final = 100  # of each writer; with CONTENTION_SECONDS as many as fit into these
pytestmark = pytest.mark.not_on("sqlite")  # it has one lock for all


def meet(begin: Callable[[], Any], other: Callable[[], Any], go_on: Callable[[], Any]) -> None:
    """Begin a transaction, have another one come to its end or to a lock of ours, and go on. Raise what either raises."""
    before = count_deadlocks()

    def elsewhere() -> None:
        try:
            other()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            begin()
            future = pool.submit(elsewhere)
            wait_for_end_or_lock(future)
            go_on()
        future.result(SECONDS)
    assert count_deadlocks() == before  # a transaction that was tried again would hide one


def wait_for_end_or_lock(future: Future[None]) -> None:
    """Wait until the other transaction is over, or waits for us."""
    deadline = time.monotonic() + SECONDS
    while not future.done() and count_waiting_locks() == 0:
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


def lock_row(user: User) -> Callable[[], Any]:
    """Return what locks a user's row, as Django's documentation does."""
    return lambda: User.objects.select_for_update().get(pk=user.pk)


@pytest.mark.parametrize("is_first", [True, False], ids=["their first", "a later one"])
def test_a_user_may_be_locked_before_notifying(user: User, is_first: bool) -> None:
    """While somebody else notifies the same user.

    Regression: the other one held the inbox and waited at its commit for the user's row, where a foreign key is checked.
    """
    if not is_first:
        notify(user, title="makes the inbox")
    meet(lock_row(user), lambda: notify(user, title="plain"), lambda: notify(user, title="mine"))
    assert_exact(user)


def test_a_user_may_be_locked_after_notifying(user: User) -> None:
    """No write of ours touches the rows of users, so both orders are free."""
    notify(user, title="makes the inbox")
    meet(lambda: notify(user, title="mine"), lambda: notify(user, title="plain"), lock_row(user))
    assert_exact(user)


def test_a_user_may_be_locked_beside_a_broadcast(user: User, other_user: User) -> None:
    """A chunk that holds inboxes waits for no row of users."""
    order_broadcast(Broadcast.objects.create(title="to all"))
    lease = claim_lease("me")
    assert lease is not None
    ids = sorted([user.pk, other_user.pk])
    meet(lock_row(other_user), lambda: write_chunk(lease, ids), lambda: notify(other_user, title="mine"))
    assert_exact(user, other_user)
    clear_broadcasts()


def test_a_notification_may_be_locked_before_it_is_changed(user: User) -> None:
    """`select_for_update()` on notifications locks their inboxes first, as every write does.

    Regression: one held the row and came for the inbox, the other held the inbox and came for the row.
    """
    row = notify(user, title="new")
    held: list[Notification] = []
    meet(
        lambda: held.append(Notification.objects.select_for_update().get(pk=row.pk)),
        lambda: Notification.objects.get(pk=row.pk).mark_read(),
        lambda: held[0].archive(),
    )
    row.refresh_from_db()
    assert (row.is_read, row.is_archived) == (True, True)
    assert_exact(user)


def test_rows_of_a_site_may_be_locked_after_lock_inbox(user: User, other_user: User) -> None:
    """Where a site's own rows are locked after notifying in one place and before in another, `lock_inbox()` comes first."""
    for person in (user, other_user):
        notify(person, title="makes the inbox")

    def other() -> None:
        with transaction.atomic():
            log.lock_inbox(user)
            User.objects.select_for_update().get(pk=other_user.pk)  # stands for a row of the site
            notify(user, title="theirs")

    meet(lambda: notify(user, title="mine"), other, lock_row(other_user))
    assert_exact(user, other_user)


def test_lock_inbox_needs_a_transaction(user: User) -> None:
    """A lock that ends with its statement protects nothing."""
    with pytest.raises(TransactionManagementError, match="atomic"):
        log.lock_inbox(user)
    with transaction.atomic():
        log.lock_inbox(user)  # who was never notified gets an inbox
    assert Inbox.objects.filter(pk=user.pk).exists()


def test_who_ordered_a_broadcast_may_be_deleted_meanwhile(user: User, other_user: User) -> None:
    """The deletion waits for the chunk, holding nothing that the chunk needs.

    Regression: it held the inbox and came for the broadcast, to forget who had ordered it.
    """
    for person in (user, other_user):
        notify(person, title="makes the inbox")
    order_broadcast(Broadcast.objects.create(title="to all"), by=user)
    lease = claim_lease("me")
    assert lease is not None
    ids = sorted([user.pk, other_user.pk])

    meet(
        lambda: lease.hold(BroadcastState.SENDING),
        lambda: User.objects.filter(pk=user.pk).delete(),
        lambda: write_chunk(lease, ids),
    )
    assert Broadcast.objects.get().ordered_by is None
    assert not Notification.objects.filter(recipient_id=ids[0]).exists()
    assert_exact(other_user)
    clear_broadcasts()


def test_a_deleted_user_leaves_no_rows(user: User, other_user: User) -> None:
    """Somebody notifies a user while the user is deleted: one of them waits, and nothing is left behind."""
    notify(user, title="makes the inbox")
    meet(
        lambda: notify(user, title="mine"),
        lambda: User.objects.get(pk=user.pk).delete(),
        lambda: notify(other_user, title="to the other one"),
    )
    assert not Notification.objects.filter(recipient_id=user.pk).exists()
    assert_exact(other_user)


def test_eight_writers_mix_every_pattern(rung: Rung) -> None:
    """Users and notifications locked first or last, beside chunks of broadcasts: nothing fails, deadlocks or miscounts."""
    before = count_deadlocks()
    seconds = float(os.environ.get("CONTENTION_SECONDS", "0"))
    contention = Contention(transactions=None if seconds else TRANSACTIONS, seconds=seconds or None)
    contention.run()
    print(f"{contention.done} transactions on {connection.display_name}")
    assert contention.done > 8 * 20
    assert find_miscounts() == []
    for pk, head in Inbox.objects.values_list("pk", "modseq"):
        told = [change for change in rung.changes if change.user == str(pk)]
        assert sorted(change.modseq for change in told) == list(range(2, head + 1))  # each number once
    assert count_deadlocks() == before
    Group.objects.all().delete()
    clear_broadcasts()


def clear_broadcasts() -> None:
    """Leave no broadcast to the next test, whose worker would go on with it."""
    Notification.objects.all().delete_rows()
    Broadcast.objects.all().delete()
