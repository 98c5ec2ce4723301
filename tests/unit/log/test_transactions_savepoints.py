"""What survives a savepoint: what rings is what was committed, whatever was rolled back on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from notifications import notify, notify_many
from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, assert_exact, heard, rows_as_told, titles_of, undo, undone
from tests.support.savepoints import make_savepoint


def test_nothing_rings_before_the_commit(user: User, rung: Rung) -> None:
    """A doorbell never announces what another connection cannot read yet."""
    with transaction.atomic():
        notify(user, title="new")
        assert rung.changes == []
    assert len(rung.changes) == 1


def test_a_savepoint_rolled_back_rings_nothing_of_it(user: User, other_user: User, rung: Rung) -> None:
    """The step of a user written only there is gone; what was written around it rings, and is read from the log."""
    client = Client(user)
    with transaction.atomic():
        notify(user, title="kept")
        undo(notify, other_user, title="undone")
    assert rung.of(other_user) == []
    assert [(change.prev, change.modseq) for change in rung.of(user)] == [(1, 2)]
    heard(user, rung, client)


def test_a_later_write_that_was_undone_takes_the_content_along(user: User, rung: Rung) -> None:
    """A step joined under a savepoint cannot know what stays of it, so it rings light and the log is read."""
    client = Client(user)
    with transaction.atomic():
        notify(user, title="kept")
        undo(notify, user, title="undone")
    (change,) = rung.changes
    assert change.data is None
    assert (change.prev, change.modseq) == (1, 2)
    heard(user, rung, client)


def test_a_step_begun_in_an_undone_savepoint_begins_again(user: User, rung: Rung) -> None:
    """What is written afterwards takes the same number anew and tells itself alone."""
    client = Client(user)
    with transaction.atomic():
        undo(notify, user, title="undone")
        notify(user, title="kept")
    (change,) = rung.changes
    assert titles_of(change) == ["kept"]
    assert (change.prev, change.modseq) == (1, 2)
    heard(user, rung, client)
    assert client.reads == 0


def test_a_released_savepoint_goes_with_what_encloses_it(user: User, other_user: User, rung: Rung) -> None:
    """Released, then rolled back from outside: nothing of either user rings."""

    def write() -> None:
        with transaction.atomic():
            notify(user, title="inner")
        notify(other_user, title="outer")
        notify(user, title="outer")

    client = Client(user)
    with transaction.atomic():
        undo(write)
    assert rung.changes == []
    heard(user, rung, client)


def test_a_released_savepoint_rings_with_its_content(user: User, rung: Rung) -> None:
    """`ATOMIC_REQUESTS` and views that open blocks of their own cost no content."""
    client = Client(user)
    with transaction.atomic():
        with transaction.atomic(), transaction.atomic():
            notify(user, title="inner")
        notify(user, title="outer")
    (change,) = rung.changes
    assert sorted(titles_of(change)) == ["inner", "outer"]
    heard(user, rung, client)


def test_two_savepoints_one_undone_two_users(user: User, other_user: User, rung: Rung) -> None:
    """Users whose steps began under different savepoints live and die separately."""
    clients = [Client(user), Client(other_user)]
    with transaction.atomic():
        with transaction.atomic():
            notify(user, title="kept")
        undo(notify_many, [user, other_user], title="undone")
        with transaction.atomic():
            notify(other_user, title="kept")
    assert [(change.user, change.modseq) for change in rung.changes] == [(str(user.pk), 2), (str(other_user.pk), 2)]
    heard(user, rung, clients[0])
    heard(other_user, rung, clients[1])


def test_savepoints_three_deep(user: User, rung: Rung) -> None:
    """The innermost is undone, the middle one kept, the outer one written to again."""

    def middle() -> None:
        notify(user, title="middle")
        undo(Notification.objects.for_user(user).delete)
        notify(user, title="middle again")

    client = Client(user)
    with transaction.atomic():
        notify(user, title="outer")
        with transaction.atomic():
            middle()
        notify(user, title="outer again")
    assert Notification.objects.for_user(user).count() == 4
    heard(user, rung, client)


def test_an_undone_delete_leaves_the_floor(user: User, rung: Rung) -> None:
    """The floor goes back with the savepoint, and a client behind it needs no reset."""
    notify(user, title="kept")
    client = Client(user)
    with transaction.atomic():
        undo(Notification.objects.for_user(user).delete)
        notify(user, title="new")
    assert Inbox.objects.get(pk=user.pk).floor == 1
    heard(user, rung, client)
    assert client.resets == 0


def test_an_error_caught_inside_leaves_the_outer_transaction_usable(user: User, rung: Rung) -> None:
    """A refusal comes before the first write, also for a user who does not exist and where rows are changed in bulk."""
    row = notify(user, title="old")
    rung.changes.clear()
    with transaction.atomic():
        for refused in (
            lambda: notify(user, title=""),
            lambda: notify(2**40, title="x"),
            lambda: notify_many([user, 2**40], title="x"),
            lambda: notify_many([user], title="x", level="loud"),
            lambda: Notification.objects.bulk_create([Notification(recipient=user, title="x", url="javascript:")]),
            lambda: Notification.objects.for_user(user).update(title=" "),
            lambda: Notification.objects.for_user(user).update(body=None),
            lambda: Notification.objects.bulk_update([Notification(pk=row.pk, recipient=user, title="")], ["title"]),
            lambda: Notification(recipient=user, title="x", body=None).save(),  # type: ignore[misc]
        ):
            with pytest.raises(ValidationError):
                refused()
        notify(user, title="after them")
    assert titles_of(*rung.changes) == ["after them"]
    assert_exact(user)


def test_a_database_error_inside_a_savepoint_is_undone_alone(user: User, rung: Rung) -> None:
    """An `IntegrityError` under a savepoint of the caller's takes back that savepoint and no more."""
    row = notify(user, title="first")
    client = Client(user)
    rung.changes.clear()
    with transaction.atomic():
        notify(user, title="kept")
        with pytest.raises(DatabaseError), transaction.atomic():
            Notification(pk=row.pk, recipient=user, title="same key").save(force_insert=True)
        notify(user, title="kept too")
    assert Notification.objects.for_user(user).count() == 3
    heard(user, rung, client)


def test_an_outer_block_without_savepoint_is_rolled_back_whole(user: User, rung: Rung) -> None:
    """Where Django marks the transaction as broken, nothing of it rings."""
    with undone():
        notify(user, title="undone")
        with undone(savepoint=False):
            notify(user, title="undone")
    assert rung.changes == []
    assert Notification.objects.count() == 0


# --- savepoints that a site takes and rolls back by hand


def undo_by_hand(write: Callable[[], Any], *, raw: bool = False) -> None:
    """Write after a savepoint of Django's functions, or of plain SQL, and roll back to it."""
    if raw:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT by_hand")
        write()
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK TO SAVEPOINT by_hand")
    else:
        sid = make_savepoint()
        write()
        transaction.savepoint_rollback(sid)


@pytest.mark.parametrize("raw", [False, True])
def test_what_is_kept_after_a_rollback_by_hand_takes_a_number_of_its_own(
    user: User, other_user: User, rung: Rung, raw: bool
) -> None:
    """The step that was undone is not joined, and does not ring.

    Regression: "kept" was committed under the number at which clients stood already, so nobody was ever told.
    """
    notify(user, title="old")
    client, others = Client(user), rows_as_told(other_user.pk)
    with transaction.atomic():
        undo_by_hand(lambda: notify(user, title="undone"), raw=raw)
        kept = notify(user, title="kept")
    assert kept.modseq == client.modseq + 1 == Inbox.objects.get(pk=user.pk).modseq
    heard(user, rung, client)
    assert rows_as_told(other_user.pk) == others


@pytest.mark.parametrize("raw", [False, True])
def test_a_doorbell_of_what_was_undone_by_hand_misleads_nobody(user: User, rung: Rung, raw: bool) -> None:
    """Whoever hears it stays where the log stands, and takes the next change, which has the same number.

    Regression: the stream went on to a number that nobody had committed, and passed over the commit that took it.
    """
    client = Client(user)
    with transaction.atomic():
        undo_by_hand(lambda: notify(user, title="undone"), raw=raw)
    heard(user, rung, client)
    rung.changes.clear()
    notify(user, title="kept")
    heard(user, rung, client)


@pytest.mark.parametrize("raw", [False, True])
def test_a_later_write_undone_by_hand_takes_the_content_along(user: User, rung: Rung, raw: bool) -> None:
    """What had been told of it in the step that stays is told no more, also where that step is joined once again."""
    client = Client(user)
    with transaction.atomic():
        notify(user, title="kept")
        undo_by_hand(lambda: notify(user, title="undone"), raw=raw)
    heard(user, rung, client)
    rung.changes.clear()
    with transaction.atomic():
        notify(user, title="kept")
        undo_by_hand(lambda: notify(user, title="undone"), raw=raw)
        notify(user, title="kept too")
    heard(user, rung, client)


def test_an_error_that_the_site_swallowed_misleads_nobody(user: User, other_user: User, rung: Rung) -> None:
    """PostgreSQL undoes such a transaction at its commit, without a word to Django, whose callbacks run all the same.

    Regression: the doorbell told of rows that were never committed, and streams passed over the next change.
    """
    client = Client(user)
    with transaction.atomic():
        notify(user, title="perhaps")
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
    heard(user, rung, client)
    rung.changes.clear()
    notify(user, title="later")
    heard(user, rung, client)
    assert not Notification.objects.for_user(other_user).exists()


def test_nothing_watches_a_connection_for_longer_than_its_transaction(user: User) -> None:
    """What notices rollbacks within a transaction is gone with it, and leaves wrappers of the site's in place."""

    def wrapper(execute: Any, *arguments: Any) -> Any:
        return execute(*arguments)

    before = list(connection.execute_wrappers)
    with connection.execute_wrapper(wrapper), transaction.atomic():
        notify(user, title="kept")
    undo(notify, user, title="undone")
    Notification.objects.count()
    assert connection.execute_wrappers == before
