"""`prune_notifications`: what a policy allows goes, through the log; everything and everybody else stays as it is."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from notifications import notify
from notifications.broadcasts import throttle
from notifications.log import doorbell
from notifications.log.bulk_delete import Batch, delete_batch
from notifications.log.replay import inbox_of
from notifications.models import Notification
from notifications.operations import prune as pruning
from tests.support.ledger import Client, Rung, assert_exact, standing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    kept = Rung()
    monkeypatch.setattr(doorbell, "ring", kept.ring)
    return kept


def run(**options: Any) -> str:
    """Run the command and return what it wrote."""
    out = io.StringIO()
    call_command("prune_notifications", stdout=out, **options)
    return out.getvalue()


def fill(user: User, count: int = 1, *, days: int = 100, state: str = "read") -> list[Notification]:
    """Give a user notifications that were sent so many days ago."""
    sent = timezone.now() - dt.timedelta(days=days)
    made = Notification.objects.bulk_create(
        [Notification(recipient=user, title=f"{state} {days} {n}", created_at=sent) for n in range(count)]
    )
    mine = Notification.objects.filter(pk__in=[row.pk for row in made])
    if state == "read":
        mine.mark_read()
    elif state == "archived":
        mine.archive()
    return made


def titles(user: User) -> list[str]:
    """Return what a user still has, oldest first."""
    return list(Notification.objects.for_user(user).order_by("pk").values_list("title", flat=True))


def test_what_is_older_goes_and_connected_clients_are_told(user: User, other_user: User, rung: Rung) -> None:
    """A page that follows hears the ids; the counters and the other user's inbox do not change."""
    old = fill(user, 3)
    notify(user, title="new")
    fill(other_user, days=10)
    client, others, head = Client(user), standing(other_user), inbox_of(user).modseq
    assert "Deleted 3 notifications of 1 users in 1 batches" in run(older_than="90d")
    assert titles(user) == ["new"]
    assert standing(other_user) == others
    (change,) = rung.changes[-1:]
    assert (change.user, change.prev, change.modseq) == (str(user.pk), head, head + 1)
    client.hear(change)
    client.assert_up_to_date()
    assert (client.reads, client.resets) == (0, 0)
    assert inbox_of(user).floor == head + 1
    assert_exact(user, other_user)
    assert not Notification.objects.filter(pk__in=[row.pk for row in old]).exists()


def test_who_was_away_gets_a_reset(user: User) -> None:
    """A position from before the pruning cannot be continued, because what is gone cannot be told any more."""
    fill(user, 2)
    client = Client(user)
    run(older_than="90d")
    client.read()
    assert client.resets == 1
    client.assert_up_to_date()


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, ["unread 100 0"]),
        ({"include_unread": True}, []),
        ({"archived_only": True}, ["unread 100 0", "read 100 0"]),
    ],
)
def test_what_is_unread_stays_unless_asked_for(
    user: User, other_user: User, options: dict[str, bool], left: list[str]
) -> None:
    """The badge loses nothing by default; with --include-unread everything old goes, with --archived-only only that."""
    for state in ("unread", "read", "archived"):
        fill(user, state=state)
    fill(other_user, days=80, state="unread")
    run(older_than="90d", **options)
    assert titles(user) == left
    assert titles(other_user) == ["unread 80 0"]
    assert_exact(user, other_user)


def test_the_newest_are_kept_whatever_their_state(user: User, other_user: User) -> None:
    """--keep counts all rows of each inbox by itself; an inbox that holds no more is not touched."""
    fill(user, 4, state="read")
    fill(user, 2, state="unread")
    fill(other_user, 3)
    others = standing(other_user)
    run(keep=3)
    assert titles(user) == ["read 100 3", "unread 100 0", "unread 100 1"]
    assert standing(other_user) == others
    assert_exact(user, other_user)


def test_age_and_maximum_are_each_reason_enough(user: User, other_user: User) -> None:
    """With both, what is old goes from small inboxes too, and large ones shrink to the maximum."""
    fill(user, 5, days=10)
    fill(other_user, 1, days=100)
    fill(other_user, 1, days=10)
    run(older_than="90d", keep="2")
    assert titles(user) == ["read 10 3", "read 10 4"]
    assert titles(other_user) == ["read 10 0"]


def test_an_inbox_that_shrank_meanwhile_is_not_emptied(user: User, other_user: User) -> None:
    """Between the count and the look at the newest N, rows may go: then nothing does, and not everything."""
    fill(user, 2)
    assert not pruning.prunable_rows(pruning.Policy(keep=3), "default", [user.pk, other_user.pk]).exists()


def test_small_batches_come_to_the_same(user: User, other_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is cut into looks, pages and transactions, the same rows go and the counters hold."""
    for name in ("USERS_PER_LOOK", "USERS_PER_BATCH"):
        monkeypatch.setattr(pruning, name, 1)
    monkeypatch.setattr(pruning, "ROWS_PER_LOOK", 7)
    fill(user, 60, state="unread")
    fill(user, 30)
    fill(other_user, 5)
    notify(other_user, title="new")
    client = Client(user)
    assert "Deleted 95 notifications of 2 users" in run(older_than="90d", include_unread=True, batch=4)
    assert (titles(user), titles(other_user)) == ([], ["new"])
    client.read()
    client.assert_up_to_date()
    assert_exact(user, other_user)


def test_one_user_only(user: User, other_user: User) -> None:
    """--user leaves everybody else alone."""
    fill(user)
    fill(other_user)
    others = standing(other_user)
    run(older_than="90d", user=str(user.pk))
    assert titles(user) == []
    assert standing(other_user) == others


def test_a_dry_run_counts_and_touches_nothing(user: User, other_user: User, rung: Rung) -> None:
    """It says how many would go, and nobody's inbox moves."""
    fill(user, 3)
    fill(other_user, 2)
    before = standing(user), standing(other_user), len(rung.changes)
    assert "Would delete 5 notifications of 2 users" in run(older_than="12w", dry_run=True)
    assert (standing(user), standing(other_user), len(rung.changes)) == before


def test_what_was_marked_unread_meanwhile_stays(user: User, other_user: User) -> None:
    """Whether a row may go is asked again under the lock."""
    mine, others = fill(user, 2), fill(other_user, 1)
    rows = pruning.prunable_rows(
        pruning.Policy(before=timezone.now() - dt.timedelta(days=90)), "default", [user.pk, other_user.pk]
    )
    mine[0].mark_unread()
    taken = {user.pk: [row.pk for row in mine], other_user.pk: [row.pk for row in others]}
    assert delete_batch(rows, taken, using="default").deleted == 2
    assert titles(user) == ["read 100 0"]
    assert_exact(user, other_user)


def test_a_user_who_left_meanwhile_stops_nothing(user: User, other_user: User) -> None:
    """Their rows are gone already; the others' still go."""
    mine, others = fill(user), fill(other_user)
    policy = pruning.Policy(before=timezone.now() - dt.timedelta(days=90))
    rows = pruning.prunable_rows(policy, "default", [user.pk, other_user.pk])
    taken = {user.pk: [mine[0].pk], other_user.pk: [others[0].pk]}
    user.delete()
    batch = delete_batch(rows, taken, using="default")
    assert (batch.deleted, batch.user_ids) == (1, frozenset({other_user.pk}))
    assert_exact(other_user)


@pytest.mark.parametrize(
    ("error", "words", "status"),
    [(KeyboardInterrupt(), "Interrupted. Deleted 2 notifications", 130), (OperationalError("gone"), "failed: gone", 1)],
)
def test_cut_off_it_says_how_far_it_came(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str, status: int
) -> None:
    """What was deleted stays deleted and is told, and the rest is there."""

    def cut_off(*args: Any, **kwargs: Any) -> Iterator[Batch]:
        yield from [next(pruning.prune(*args, **kwargs))]
        raise error

    fill(user, 3)
    others = standing(other_user) if inbox_of(other_user) else None
    monkeypatch.setattr("notifications.management.commands.prune_notifications.prune", cut_off)
    with pytest.raises(CommandError, match=words) as refusal:
        run(older_than="90d", batch=2)
    assert refusal.value.returncode == status
    assert len(titles(user)) == 1
    assert standing(other_user) == others
    assert_exact(user)


def test_slow_batches_become_smaller(user: User, other_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that held its locks for too long halves the next, down to a least size."""
    monkeypatch.setattr(throttle, "AIM_SECONDS", 0.0)
    monkeypatch.setattr("notifications.broadcasts.throttle.time.sleep", lambda seconds: None)
    fill(user, 200)
    fill(other_user, days=1)
    policy = pruning.Policy(before=timezone.now() - dt.timedelta(days=90))
    sizes = [batch.deleted for batch in pruning.prune(policy, using="default", batch_rows=100)]
    assert sizes == [100, 50, 25, 20, 5]
    assert titles(other_user) == ["read 1 0"]
