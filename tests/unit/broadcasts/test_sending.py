"""Sending and taking back, chunk by chunk: nobody twice, nobody missed, whatever happens in between."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone

from notifications import AudienceKind, Step, mark_all_read, notify, order_broadcast, take_step
from notifications.broadcasts import retracting, segments, sending, throttle
from notifications.broadcasts.leases import Lease, LeaseLost, claim_lease
from notifications.broadcasts.progress import count_readers
from notifications.broadcasts.sending import send
from notifications.broadcasts.throttle import Throttle
from notifications.broadcasts.worker import Worker
from notifications.models import Broadcast, Inbox, Notification
from notifications.models.broadcast import BroadcastState
from notifications.operations.prune import EVERY, Policy, prune
from notifications.reading.actions import apply_action
from notifications.reading.undo import undo_action
from tests.support.ledger import Client, Rung, assert_exact, heard

pytestmark = [pytest.mark.usefixtures("small_chunks")]
Draft = Callable[..., Broadcast]


def sent(broadcast: Broadcast) -> Broadcast:
    """Order it and work until it is out."""
    order_broadcast(broadcast)
    Worker().work_off()
    broadcast.refresh_from_db()
    return broadcast


def received(broadcast: Broadcast) -> Counter[Any]:
    """Return how often each user has it."""
    return Counter(Notification.objects.filter(broadcast=broadcast).values_list("recipient_id", flat=True))


def leased(broadcast: Broadcast) -> Lease:
    """Order it and take its lease."""
    order_broadcast(broadcast)
    lease = claim_lease("me")
    assert lease is not None
    return lease


def test_everybody_gets_it_once(people: list[User], draft: Draft) -> None:
    """Chunk by chunk, each active user gets the same words, and who is not active nothing."""
    broadcast = sent(draft(body="Half an hour.", url="/status/", level="warning", category="system"))
    assert received(broadcast) == Counter(user.pk for user in people)
    assert (broadcast.state, broadcast.total, broadcast.written) == (BroadcastState.SENT, 12, 12)
    assert broadcast.finished_at is not None
    said = Notification.objects.values_list("title", "body", "url", "level", "category").distinct().get()
    assert said == ("Maintenance at 22:00", "Half an hour.", "/status/", "warning", "system")
    assert set(Inbox.objects.values_list("unread", "modseq")) == {(1, 2)}
    assert_exact(*people)


def test_database_refuses_a_second_one(people: list[User], draft: Draft) -> None:
    """A constraint says that nobody gets a broadcast twice."""
    broadcast = sent(draft())
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification(recipient=people[0], broadcast=broadcast, title="again").save()
    notify(people[0], title="something else")
    notify(people[0], title="something else")  # what belongs to no broadcast is not limited


def test_database_refuses_to_delete_what_is_in_inboxes(people: list[User], draft: Draft) -> None:
    """The link is no cascade: a broadcast can be deleted once nothing of it is left."""
    broadcast = sent(draft())
    with pytest.raises(IntegrityError):
        broadcast.delete()  # refused with the commit
    broadcast.refresh_from_db()
    take_step(broadcast, Step.RETRACT)
    Worker().work_off()
    broadcast.delete()


def test_chunk_that_is_not_committed_leaves_no_trace(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and cursor are one transaction: where the worker dies in it, the next one writes that chunk again."""
    lease = leased(broadcast := draft())
    chunks = send(lease, Throttle())
    next(chunks)

    def die(*args: Any, **values: Any) -> Broadcast:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lease, "keep", die)
        with pytest.raises(KeyboardInterrupt):
            next(chunks)
    broadcast.refresh_from_db()
    assert (broadcast.written, len(received(broadcast)), broadcast.cursor) == (3, 3, str(people[2].pk))
    lease.release()
    Worker().work_off()
    assert received(broadcast) == Counter(user.pk for user in people)


def test_worker_that_lost_its_lease_writes_nothing(people: list[User], draft: Draft) -> None:
    """A worker that slept while another took over sees it before it writes, under the lock of the row."""
    slow = send(leased(broadcast := draft()), Throttle())
    next(slow)
    Broadcast.objects.update(leased_until=timezone.now())
    quick = claim_lease("another")
    assert quick is not None
    with pytest.raises(LeaseLost):
        next(slow)
    assert [chunk.written for chunk in send(quick, Throttle())][-1] == 12
    assert received(broadcast) == Counter(user.pk for user in people)


def test_lease_keeps_others_away_until_it_ends(people: list[User], draft: Draft) -> None:
    """While one works the others find nothing; NOTIFICATIONS_SEND_LEASE_SECONDS after its last sign they do."""
    leased(draft())
    assert claim_lease("another") is None
    assert Worker().work() is False
    Broadcast.objects.update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    assert Worker().work() is True


@override_settings(NOTIFICATIONS_SEND_LEASE_SECONDS=60.0)
def test_each_chunk_renews_the_lease(people: list[User], draft: Draft) -> None:
    """So a long broadcast is not taken over while its worker lives."""
    lease = leased(draft())
    soon = timezone.now() + dt.timedelta(seconds=1)
    Broadcast.objects.update(leased_until=soon)
    assert (next(send(lease, Throttle())).leased_until or soon) > soon


@pytest.mark.parametrize("step", [Step.PAUSE, Step.CANCEL, Step.RETRACT])
def test_no_chunk_follows_a_step_of_the_staff(people: list[User], draft: Draft, step: Step) -> None:
    """Whoever pauses, cancels or retracts is obeyed before the next row is written."""
    chunks = send(leased(broadcast := draft()), Throttle())
    next(chunks)
    take_step(broadcast, step)
    with pytest.raises(LeaseLost):
        next(chunks)
    assert len(received(broadcast)) == 3


def test_paused_and_resumed_goes_on_where_it_was(people: list[User], draft: Draft) -> None:
    """Nobody is told twice because of a pause."""
    chunks = send(leased(broadcast := draft()), Throttle())
    next(chunks)
    take_step(broadcast, Step.PAUSE)
    Worker().work_off()
    assert len(received(broadcast)) == 3
    take_step(broadcast, Step.RESUME)
    Worker().work_off()
    assert received(broadcast) == Counter(user.pk for user in people)


def test_who_joins_and_leaves_during_the_run(people: list[User], draft: Draft) -> None:
    """Whoever is there when the cursor comes by gets it, and so does who was added behind it before the end."""
    chunks = send(leased(broadcast := draft()), Throttle())
    next(chunks)
    User.objects.filter(pk__in=[people[0].pk, people[10].pk]).update(is_active=False)
    newcomer = User.objects.create_user("newcomer")
    for _ in chunks:
        pass
    assert received(broadcast) == Counter(user.pk for user in [*people, newcomer] if user != people[10])
    assert Broadcast.objects.get().total == 12  # as it was counted when sending began


def test_who_signs_up_behind_the_cursor_gets_it(people: list[User], draft: Draft) -> None:
    """A sign-up that drew its key before the cursor came by and commits after it, welcomed or not: once, like all others.

    Regression: the cursor never looked back, so that user never got it.
    """
    first, second = (User(pk=people[0].pk - back, username=f"late{back}") for back in (1, 2))
    chunks = send(leased(broadcast := draft()), Throttle())
    next(chunks)
    first.save()
    second.save()
    notify(second, title="Welcome")
    for _ in chunks:
        pass
    assert received(broadcast) == Counter(user.pk for user in [*people, first, second])
    broadcast.refresh_from_db()
    assert (broadcast.written, broadcast.cursor, broadcast.state) == (14, str(people[-1].pk), BroadcastState.SENT)
    assert_exact(first, second, *people)


def test_who_deleted_it_does_not_get_it_again(people: list[User], draft: Draft) -> None:
    """The look back for late sign-ups tells those who deleted theirs while others still waited."""
    chunks = send(leased(broadcast := draft()), Throttle())
    next(chunks)
    Notification.objects.get(recipient=people[0], broadcast=broadcast).delete()
    for _ in chunks:
        pass
    assert received(broadcast) == Counter(user.pk for user in people[1:])


def test_a_worker_that_dies_while_it_looks_back_leaves_nobody_out(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one looks back again; the cursor stays where it was, so nobody gets it twice."""
    monkeypatch.setattr(sending, "KEYS_PER_READ", 100)
    lease = leased(broadcast := draft())
    late = [User(pk=people[0].pk - back, username=f"late{back}") for back in (1, 2, 3, 4)]
    chunks = send(lease, Throttle())
    next(chunks)
    User.objects.bulk_create(late)
    while next(chunks).written <= len(people):
        pass
    lease.release()
    Worker().work_off()
    assert received(broadcast) == Counter(user.pk for user in [*people, *late])


def test_user_deleted_at_the_moment_of_the_chunk(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk is read again without them."""
    write_chunk = sending.write_chunk

    def after_deletion(lease: Lease, keys: Sequence[Any]) -> Broadcast:
        User.objects.filter(username="user7").delete()
        return write_chunk(lease, keys)

    monkeypatch.setattr(sending, "write_chunk", after_deletion)
    broadcast = sent(draft())
    assert broadcast.state == BroadcastState.SENT
    assert received(broadcast) == Counter(user.pk for user in people if user.username != "user7")


def test_chosen_user_who_is_deleted_is_left_out(people: list[User], draft: Draft) -> None:
    """Between order and sending, or in the middle: the others get it. A draft of theirs is refused, to be mended."""
    order_broadcast(broadcast := draft(audience=AudienceKind.USERS, chosen=[user.pk for user in people]))
    people[0].delete()
    lease = claim_lease("a")
    assert lease is not None
    next(send(lease, Throttle()))
    lease.release()
    people[11].delete()
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.problem, broadcast.written) == (BroadcastState.SENT, "", 10)
    assert set(received(broadcast).values()) == {1}
    with pytest.raises(ValidationError, match="No user has the key"):
        order_broadcast(draft(audience=AudienceKind.USERS, chosen=[user.pk for user in people]))


def test_segment_that_fails_pauses_with_the_reason(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site's own code may break between order and sending: staff see why, mend it and resume."""
    monkeypatch.setattr(segments, "registered", {})
    segments.segment("odd")(User.objects.all)
    order_broadcast(broadcast := draft(audience=AudienceKind.SEGMENT, chosen=["odd"]))
    segments.registered.clear()
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.problem) == (
        BroadcastState.PAUSED,
        "Unknown segment “odd”; registered segments: none so far.",
    )

    def fail() -> QuerySet[User]:
        raise ZeroDivisionError("by zero")

    segments.registered["odd"] = fail
    take_step(broadcast, Step.RESUME)
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.problem) == (
        BroadcastState.PAUSED,
        "The segment 'odd' failed with ZeroDivisionError: by zero; fix it.",
    )
    segments.registered["odd"] = User.objects.all
    take_step(broadcast, Step.RESUME)
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.problem, broadcast.written) == (BroadcastState.SENT, "", 12)


def test_retract_takes_it_from_every_inbox(people: list[User], draft: Draft, rung: Rung) -> None:
    """Rows, counters and pages: each connected client hears which id is gone. Who had read it is still counted."""
    broadcast = sent(draft())
    mark_all_read(people[0])
    clients = [Client(user) for user in people[:2]]
    rung.changes.clear()
    assert count_readers(broadcast) == 1
    take_step(broadcast, Step.RETRACT)
    Worker().work_off()
    broadcast.refresh_from_db()
    assert not Notification.objects.exists()
    assert (broadcast.state, broadcast.removed, count_readers(broadcast)) == (BroadcastState.RETRACTED, 12, 1)
    assert set(Inbox.objects.values_list("unread", "unseen")) == {(0, 0)}
    assert all(inbox.floor == inbox.modseq for inbox in Inbox.objects.all())
    for user, client in zip(people, clients, strict=False):
        heard(user, rung, client)
        assert (client.items, client.reads) == ({}, 0)  # told what is gone, without a look at the log


def test_retraction_goes_on_where_it_was_cut_off(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumable as sending is: chunk by chunk, with a last look from the beginning."""
    monkeypatch.setattr(throttle, "USERS_PER_TRANSACTION", 2)
    monkeypatch.setattr(retracting, "ROWS_PER_READ", 5)
    broadcast = sent(draft())
    take_step(broadcast, Step.RETRACT)
    lease = claim_lease("me")
    assert lease is not None
    next(retracting.retract(lease, Throttle()))
    assert len(received(broadcast)) == 10
    lease.release()
    Notification(recipient=people[0], broadcast=broadcast, title="came back").save()
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.removed) == (BroadcastState.RETRACTED, 13)
    assert not Notification.objects.exists()


def test_undo_brings_nothing_back_that_was_retracted(people: list[User], draft: Draft) -> None:
    """Who deleted it and takes that back gets it again while it stands, as a part of the broadcast; afterwards not."""
    broadcast = sent(draft())
    row = Notification.objects.for_user(people[0]).get()
    token = apply_action(people[0], "delete", [row.pk]).token or ""
    assert undo_action(people[0], token).undone == 1
    assert Notification.objects.for_user(people[0]).get().broadcast == broadcast
    token = apply_action(people[0], "delete", [row.pk]).token or ""
    take_step(broadcast, Step.RETRACT)
    assert undo_action(people[0], token).undone == 0
    Worker().work_off()
    assert not Notification.objects.exists()


def test_readers_who_have_it_no_more_are_counted(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who deleted what they had read, one or many, by themselves or by upkeep; taking it back counts nobody twice."""
    broadcast, other = sent(draft()), sent(draft(title="another"))
    rows = Notification.objects.filter(broadcast=broadcast)
    Notification.objects.filter(recipient__in=people[:9]).mark_read()

    def counted() -> tuple[int, int]:
        broadcast.refresh_from_db()
        other.refresh_from_db()
        return count_readers(broadcast), count_readers(other)

    mine = rows.get(recipient=people[0])
    token = apply_action(people[0], "delete", [mine.pk]).token or ""
    assert not rows.filter(recipient=people[0]).exists()
    assert counted() == (9, 9)
    assert undo_action(people[0], token).undone == 1
    assert counted() == (9, 9)
    rows.get(recipient=people[10]).delete()  # never read
    Notification.objects.filter(recipient__in=people[1:3]).delete()
    assert counted() == (9, 9)
    monkeypatch.setattr(
        sys.modules["notifications.log.bulk_update"], "MAX_TOLD_ROWS", 1
    )  # the package has it as a function
    Notification.objects.filter(recipient__in=people[3:5]).delete()
    assert counted() == (9, 9)
    policy = Policy(before=timezone.now(), state=EVERY)
    assert sum(batch.deleted for batch in prune(policy, using="default", user_ids=[people[5].pk])) == 2
    assert counted() == (9, 9)
    with suppress(ZeroDivisionError), transaction.atomic():
        rows.get(recipient=people[6]).delete()
        raise ZeroDivisionError
    assert counted() == (9, 9)
    take_step(broadcast, Step.RETRACT)
    Worker().work_off()
    assert not rows.exists()
    assert counted() == (9, 9)


@pytest.mark.only_on("postgresql")  # SQLite has one lock for all
def test_retraction_waits_for_an_undo(people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the broadcast's state and the row that comes back nobody can retract it and be done.

    The row came back after the retraction's last look where both fell into the same millisecond.
    """
    broadcast = sent(draft())
    token = apply_action(people[0], "delete", [Notification.objects.for_user(people[0]).get().pk]).token or ""
    was_held: list[bool] = []

    def is_held() -> bool:
        try:
            with transaction.atomic():
                return (
                    not Broadcast.objects.select_for_update(nowait=True, no_key=True).filter(pk=broadcast.pk).exists()
                )
        except OperationalError:
            return True
        finally:
            connections.close_all()

    def look(row: Notification) -> bool:
        with ThreadPoolExecutor(1) as elsewhere:
            was_held.append(elsewhere.submit(is_held).result())
        return True

    monkeypatch.setattr("notifications.reading.undo.is_valid", look)
    assert undo_action(people[0], token).undone == 1
    assert was_held == [True]


def test_what_is_scheduled_goes_out_and_expires_on_time(people: list[User], draft: Draft) -> None:
    """Not before its time; and what expires leaves every inbox."""
    now = timezone.now()
    broadcast = draft(send_at=now + dt.timedelta(hours=1), expires_at=now + dt.timedelta(hours=2))
    assert sent(broadcast).state == BroadcastState.SCHEDULED
    assert not Notification.objects.exists()
    Broadcast.objects.update(send_at=now)
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.written) == (BroadcastState.SENT, 12)
    Broadcast.objects.update(expires_at=now)
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.removed) == (BroadcastState.EXPIRED, 12)
    assert not Notification.objects.exists()


def test_what_expires_before_it_could_be_sent_is_not_sent(people: list[User], draft: Draft) -> None:
    """As after a weekend without a worker."""
    now = timezone.now()
    broadcast = draft(send_at=now + dt.timedelta(hours=1), expires_at=now + dt.timedelta(hours=2))
    order_broadcast(broadcast)
    Broadcast.objects.update(send_at=now - dt.timedelta(hours=2), expires_at=now - dt.timedelta(hours=1))
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.written) == (BroadcastState.EXPIRED, 0)


def test_small_broadcast_does_not_wait_behind_a_large_one(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers go from one to the next, slice by slice."""
    monkeypatch.setattr("notifications.broadcasts.worker.SLICE_SECONDS", 0.0)
    order_broadcast(large := draft())
    order_broadcast(small := draft(audience=AudienceKind.USERS, chosen=[people[0].pk]))
    worker = Worker()
    for _ in range(4):
        worker.work()
    large.refresh_from_db()
    small.refresh_from_db()
    assert (large.state, small.state) == (BroadcastState.SENDING, BroadcastState.SENT)
