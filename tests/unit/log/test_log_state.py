"""The log: looking and reading (`mark_seen`, `mark_all_read`), edits by more than one hand, and signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_save
from django.test import override_settings

from notifications import log, notify, notify_many
from notifications.log import inbox_write, writes
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, assert_exact, standing


@contextmanager
def received(signal: ModelSignal, receiver: Callable[..., None]) -> Iterator[None]:
    """Connect a receiver of a host project while the block runs."""
    signal.connect(receiver, sender=Notification, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=Notification)


def test_mark_seen_is_a_step_of_its_own(user: User, other_user: User, rung: Rung) -> None:
    """Looking brings `unseen` to 0 on every page of this user, and leaves `unread` and the rows alone."""
    notify_many([user, other_user], title="new")
    client, others, (_, rows) = Client(user), standing(other_user), standing(user)
    assert log.mark_seen(user) is True
    inbox = Inbox.objects.get(pk=user.pk)
    assert (inbox.unread, inbox.unseen, inbox.seen_upto) == (1, 0, inbox.modseq)
    assert standing(user)[1] == rows
    client.hear(rung.changes[-1])
    client.assert_up_to_date()
    assert client.reads == 0
    assert log.mark_seen(user) is False
    assert standing(other_user) == others


@pytest.mark.parametrize("is_first", [True, False])
def test_mark_seen_and_notify_in_one_transaction_count_exactly(user: User, rung: Rung, is_first: bool) -> None:
    """Both share one `modseq`; the counters equal a recount whichever came first, and the row can be deleted.

    Regression: the row was counted as unseen though its `modseq` was not past `seen_upto`, and its deletion failed.
    """
    notify(user, title="old")
    with transaction.atomic():
        if is_first:
            log.mark_seen(user)
        notify(user, title="new")
        if not is_first:
            log.mark_seen(user)
    assert_exact(user)
    Notification.objects.for_user(user).delete()
    assert_exact(user)


@override_settings(NOTIFICATIONS_PAGE_SIZE=100)  # so that a client that begins anew is shown all
@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize("how", ["notify", "notify_many", "bulk_create", "mark_unread"])
@pytest.mark.parametrize("wrote_before", [False, True])
def test_what_comes_after_the_look_is_unseen(
    user: User, other_user: User, rung: Rung, how: str, count: int, wrote_before: bool
) -> None:
    """Also within the transaction that marked the inbox as seen, whose number both share.

    Regression: it counted as seen, so the bell of an open page did not light up.
    """
    notify_many([user, other_user], title="old")
    read = Notification.objects.bulk_create([Notification(recipient=user, title="read") for _ in range(count)])
    keys = [row.pk for row in read]
    Notification.objects.filter(pk__in=keys).mark_read()
    client, others = Client(user), standing(other_user)
    rung.changes.clear()
    with transaction.atomic():
        if wrote_before:
            notify(user, title="before")
        log.mark_seen(user)
        assert inbox_of(user).unseen == 0
        if how == "notify":
            keys = [notify(user, title="new").pk]
        elif how == "notify_many":
            keys = [notify_many([user], title="new")]
        elif how == "bulk_create":
            Notification.objects.bulk_create([Notification(recipient=user, title="new") for _ in keys])
        else:
            Notification.objects.filter(pk__in=keys).mark_unread()
    assert inbox_of(user).unseen >= len(keys)
    assert_exact(user)
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()
    assert standing(other_user) == others


def test_mark_all_read_spares_what_came_later(user: User, other_user: User, rung: Rung) -> None:
    """Only what the reader had seen, up to `up_to`, is marked; the rest and other users stay unread."""
    first = notify(user, title="seen on the page")
    later = notify(user, title="arrived while the page was open")
    notify(other_user, title="another's")
    assert log.mark_all_read(user, up_to=first.modseq) == 1
    assert list(Notification.objects.for_user(user).unread()) == [later]
    assert Inbox.objects.get(pk=other_user.pk).unread == 1
    assert log.mark_all_read(user, up_to=10**12) == 1
    assert_exact(user, other_user)


def test_mark_all_read_rings_without_rows(user: User, rung: Rung) -> None:
    """However many rows were read, one small frame tells it, and a client needs no more."""
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(120)])
    client = Client(user)
    client.items = {row["id"]: row for row in standing(user)[1].values()}
    assert log.mark_all_read(user) == 120
    data = rung.changes[-1].data
    assert data is not None
    assert len(data) < 200
    client.hear(rung.changes[-1])
    client.assert_up_to_date()
    assert client.reads == 0


@pytest.mark.parametrize("look_first", [True, False])
def test_mark_all_read_does_not_read_what_follows(user: User, rung: Rung, look_first: bool) -> None:
    """A notification sent later in the same transaction is above `read_upto`, so every client shows it as unread."""
    notify(user, title="old")
    with transaction.atomic():
        if look_first:
            log.mark_seen(user)
        log.mark_all_read(user)
        notify(user, title="new")
    change = rung.changes[-1]
    client = Client(user)
    client.modseq, client.items = change.prev, {}
    client.hear(change)
    assert [row["read_at"] for row in client.items.values() if row["title"] == "new"] == [None]
    if change.data is not None:
        assert f'"read_upto":{change.prev}' in change.data


def test_a_receiver_may_notify_the_same_user(user: User, rung: Rung) -> None:
    """What a `post_save` receiver writes to the same inbox is stamped, counted and told.

    Regression: the inner write moved `modseq` before the outer one did, so the inner row was never told to anyone.
    """

    def follow_up(instance: Notification, created: bool, **_: Any) -> None:
        if created and instance.title == "outer":
            notify(user, title="inner")

    client = Client(user)
    with received(post_save, follow_up):
        notify(user, title="outer")
    for change in rung.changes:
        client.hear(change)
    client.assert_up_to_date()
    assert_exact(user)


def test_a_receiver_may_notify_within_a_step_that_goes_on(user: User, rung: Rung) -> None:
    """Also where the transaction had written before: what rings carries the counters as committed."""

    def follow_up(instance: Notification, created: bool, **_: Any) -> None:
        if created and instance.title == "outer":
            notify(user, title="inner")

    client = Client(user)
    with received(post_save, follow_up), transaction.atomic():
        notify(user, title="before")
        notify(user, title="outer")
    for change in rung.changes:
        client.hear(change)
    client.assert_up_to_date()


def test_a_receiver_may_mark_read_what_was_just_sent(user: User, rung: Rung) -> None:
    """A mute rule in a `post_save` receiver works: the counters never pass through -1."""

    def mute(instance: Notification, created: bool, **_: Any) -> None:
        if created:
            instance.mark_read()

    client = Client(user)
    with received(post_save, mute):
        notify(user, title="muted")
    for change in rung.changes:
        client.hear(change)
    client.assert_up_to_date()
    assert client.unread == 0
    assert_exact(user)


def test_a_receiver_may_change_what_is_about_to_be_saved(user: User, rung: Rung) -> None:
    """What `pre_save` made of the row is what is stored, counted and told."""

    def shout(instance: Notification, **_: Any) -> None:
        instance.title = instance.title.upper()

    client = Client(user)
    with received(pre_save, shout):
        notify(user, title="quiet")
    client.hear(rung.changes[-1])
    client.assert_up_to_date()
    assert [row["title"] for row in client.items.values()] == ["QUIET"]


def test_a_refusal_leaves_the_transaction_usable_where_somebody_listens(user: User, rung: Rung) -> None:
    """Receivers change nothing about it: refused before the first write, the caller's transaction goes on."""
    with received(post_save, lambda **_: None), transaction.atomic():
        for key, title in ((user.pk, ""), (2**40, "new")):
            with pytest.raises(ValidationError):
                notify(key, title=title)
        notify(user, title="after them")
    assert len(rung.changes) == 1


def test_a_receiver_of_deletes_may_notify(user: User, rung: Rung) -> None:
    """A `post_delete` receiver that tells the user about it joins the step."""

    def tell(instance: Notification, **_: Any) -> None:
        if instance.title == "old":
            notify(user, title="One was deleted")

    row = notify(user, title="old")
    notify(user, title="kept")
    client = Client(user)
    with received(post_delete, tell):
        row.delete()
    client.hear(rung.changes[-1])
    client.assert_up_to_date()
    assert_exact(user)


def test_a_row_that_vanished_is_not_written_again(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted by another hand just before the lock, `save(update_fields=…)` says so instead of bringing it back."""
    row = notify(user, title="gone")
    lock = inbox_write.open_inboxes

    @contextmanager
    def delete_then_lock(using: str, user_ids: Any) -> Iterator[Any]:
        Notification.objects.filter(pk=row.pk).delete_rows()
        with lock(using, user_ids) as current:
            yield current

    monkeypatch.setattr(writes, "open_inboxes", delete_then_lock)
    with pytest.raises(DatabaseError):
        row.save(update_fields=["title"])


def test_an_inbox_made_beside_rows_says_what_they_say(user: User, other_user: User) -> None:
    """Notifications whose inbox was deleted, or not restored, are counted when it is made again; positions start over."""
    notify_many([user, other_user], title="read")
    Notification.objects.for_user(user).mark_read()
    old = notify(user, title="unread")
    epoch = inbox_of(user).epoch
    Inbox.objects.filter(pk__in=[user.pk, other_user.pk]).delete()
    again = inbox_of(user)
    assert (again.modseq, again.floor, again.unread, again.unseen) == (old.modseq, old.modseq, 1, 1)
    assert again.epoch != epoch
    assert old.mark_read()
    assert_exact(user)
    notify(other_user, title="the first since")
    assert_exact(other_user)
