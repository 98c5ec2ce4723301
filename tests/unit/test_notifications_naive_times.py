"""A site with `USE_TZ = False`, whose times have no zone, has every road that one with zones has."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone

from notifications import mark_all_read, notify, notify_many, order_broadcast, track
from notifications.log.replay import inbox_of
from notifications.models import ApiToken, Broadcast, Notification, RunningJob
from notifications.models.request import SentRequest
from notifications.protocol.payloads import build_payload
from notifications.reading import actions
from notifications.reading.undo import undo_action
from notifications.sending.idempotency import claim_key
from notifications.sending.job_watchdog import mark_stalled
from tests.support.ledger import assert_exact, standing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _naive() -> Iterator[None]:
    """Times are those of New York, which is never where UTC is."""
    with override_settings(USE_TZ=False, TIME_ZONE="America/New_York"):
        yield


ACTIONS: dict[str, Callable[[User, list[int]], actions.ActionResult]] = {
    **{
        name: lambda user, ids, name=name: actions.apply_action(user, name, ids)  # type: ignore[misc]
        for name in ("read", "archive", "delete")
    },
    "read_upto": lambda user, ids: actions.read_upto(user, inbox_of(user).modseq),
    "read_topic": lambda user, ids: actions.read_topic(user, "a"),
}


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_each_action_can_be_taken_back(user: User, other_user: User, action: str) -> None:
    """What is undone is as it was, its times to the microsecond.

    Regression: times without a zone met the token's, which have one, in a TypeError.
    """
    ids = [notify(each, title=f"{n}", topic="a").pk for n in range(3) for each in (user, other_user)][::2]
    before, others = standing(user)[1], standing(other_user)
    done = ACTIONS[action](user, ids)
    assert (done.changed, done.token is not None) == (3, True)
    assert done.expires_at is not None
    assert timezone.now() < done.expires_at < timezone.now() + dt.timedelta(seconds=60)
    assert undo_action(user, str(done.token)).undone == 3
    after = standing(user)[1]
    assert [{**row, "modseq": 0} for row in after.values()] == [{**row, "modseq": 0} for row in before.values()]
    assert standing(other_user) == others
    assert_exact(user)


@pytest.mark.parametrize(("action", "opposite"), [("read", "unread"), ("archive", "unarchive")])
def test_a_state_that_was_cleared_comes_back_with_its_time(user: User, action: Any, opposite: Any) -> None:
    """Taking back "mark as unread" gives each row the time at which it was read."""
    row = notify(user, title="new")
    actions.apply_action(user, action, [row.pk])
    before = standing(user)[1][row.pk]
    done = actions.apply_action(user, opposite, [row.pk])
    assert undo_action(user, str(done.token)).undone == 1
    assert {**standing(user)[1][row.pk], "modseq": 0} == {**before, "modseq": 0}


def test_what_is_told_is_in_utc(user: User) -> None:
    """The wire has one clock, whatever the site's."""
    row = notify(user, title="new")
    told = dt.datetime.fromisoformat(build_payload(row)["created_at"])
    assert abs(dt.datetime.now(dt.UTC) - told) < dt.timedelta(minutes=5)


def test_old_ones_are_pruned(user: User, other_user: User) -> None:
    """By their age, which is measured on the site's clock."""
    old = notify(user, title="old")
    notify_many([user, other_user], title="new")
    Notification.objects.filter(pk=old.pk).update(created_at=timezone.now() - dt.timedelta(hours=40))
    mark_all_read(user)
    call_command("prune_notifications", older_than="36h", stdout=io.StringIO())
    assert list(Notification.objects.for_user(user).values_list("title", flat=True)) == ["new"]
    assert_exact(user, other_user)


def test_tokens_expire(user: User) -> None:
    """One is let in until its time, and not after it."""
    assert ApiToken(user=user, expires_at=timezone.now() + dt.timedelta(minutes=1)).is_valid
    assert not ApiToken(user=user, expires_at=timezone.now() - dt.timedelta(seconds=1)).is_valid


def test_requests_are_remembered_for_a_day(user: User) -> None:
    """A key stands for its request for 24 hours."""
    first, is_new = claim_key(user, "key", "digest")
    assert is_new
    assert claim_key(user, "key", "digest") == (first, False)
    SentRequest.objects.filter(pk=first.pk).update(created_at=timezone.now() - dt.timedelta(hours=25))
    assert claim_key(user, "key", "other")[1]


def test_jobs_end_and_stall(user: User) -> None:
    """One that runs is not stalled, one that is silent is, one that ends says so."""
    with track(user, title="Export", total=2) as job:
        assert mark_stalled() == 0
        job.advance()
        RunningJob.objects.update(beat_at=timezone.now() - dt.timedelta(days=1))
        assert mark_stalled() == 1
        job.advance()
    assert Notification.objects.get().data["progress"]["state"] == "success"


def test_broadcasts_go_out_and_refuse_a_time_that_passed(user: User, other_user: User) -> None:
    """A time in the past is refused by name, one that has come is kept."""
    late = Broadcast.objects.create(title="late", send_at=timezone.now() - dt.timedelta(minutes=1))
    with pytest.raises(ValidationError, match="has passed"):
        order_broadcast(late, by=None)
    due = order_broadcast(
        Broadcast.objects.create(title="due", send_at=timezone.now() + dt.timedelta(minutes=1)), by=None
    )
    Broadcast.objects.filter(pk=due.pk).update(send_at=timezone.now() - dt.timedelta(minutes=1))
    call_command("send_broadcasts", once=True, stdout=io.StringIO())
    assert Notification.objects.filter(title="due").count() == 2
    assert_exact(user, other_user)


def test_pages_say_times_with_their_offset(user: User) -> None:
    """A browser counts "8 hours ago" from them, wherever its reader is.

    Regression: they had none, and a browser took them for times of its own zone.
    """
    row = notify(user, title="new")
    client = Client()
    client.force_login(user)
    page = client.get("/notifications/").content.decode()
    assert f'datetime="{build_payload(row)["created_at"]}"' in page
