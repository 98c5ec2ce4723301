"""Counters and positions that something wrote past the log are mended by the next write, which no reader ever sees fail."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.db.models.signals import post_delete
from django.utils import timezone

from notifications import log, notify, notify_many
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from notifications.operations import prune
from notifications.reading import actions
from tests.support.ledger import Client, Rung, assert_exact, standing
from tests.unit.log.test_log_state import received

WRITES: dict[str, Callable[[Notification], Any]] = {
    "mark_read": lambda row: row.mark_read(),
    "archive": lambda row: row.archive(),
    "delete": lambda row: row.delete(),
    "save": lambda row: save_as_read(row),
    "bulk_update": lambda row: bulk_update_as_read(row),
    "act": lambda row: actions.apply_action(row.recipient, "read", [row.pk]),
    "mark_all_read": lambda row: log.mark_all_read(row.recipient),
    "read_upto": lambda row: actions.read_upto(row.recipient, row.modseq),
    "prune": lambda row: prune_all(),
}
SENDS: dict[str, Callable[[Notification], Any]] = {
    "notify": lambda row: notify(row.recipient, title="new"),
    "create": lambda row: Notification.objects.create(recipient=row.recipient, title="new"),
}


def save_as_read(row: Notification) -> None:
    """Edit one instance, as a form does."""
    row.read_at = timezone.now()
    row.save()


def bulk_update_as_read(row: Notification) -> None:
    """Edit it as a program does."""
    row.read_at = timezone.now()
    Notification.objects.bulk_update([row], ["read_at"])


def prune_all() -> None:
    """Delete everything, as the command does."""
    policy = prune.Policy(before=timezone.now(), state=prune.EVERY)
    for _batch in prune.prune(policy, using="default"):
        pass


@pytest.mark.parametrize("write", sorted(WRITES))
@pytest.mark.parametrize("values", [{"unread": 0, "unseen": 0}, {"unread": 1, "unseen": 1}, {"unread": 3, "unseen": 0}])
def test_a_counter_that_drifted_refuses_no_reader(
    user: User, other_user: User, rung: Rung, write: str, values: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    """The write stands, the inbox is counted again under the lock, and whoever follows gets it anew.

    Regression: a counter below 0 was an IntegrityError for the reader, every time, until staff repaired the inbox.
    """
    rows = [notify(user, title=f"{n}") for n in range(3)]
    notify(other_user, title="another's")
    others, client = standing(other_user)[0], Client(user)
    Inbox.objects.filter(pk=user.pk).update(**values)
    rung.changes.clear()
    for row in rows:
        WRITES[write](Notification.objects.filter(pk=row.pk).first() or row) if write != "delete" else row.delete()
    assert_exact(user)
    assert inbox_of(user).unread == 0
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()
    if write != "prune":
        assert standing(other_user)[0] == others
    assert [record.levelno for record in caplog.records if record.name == "notifications.log"] == [logging.WARNING]


@pytest.mark.parametrize("write", sorted(set(WRITES | SENDS) - {"prune"}))
def test_rows_beyond_the_head_renew_the_epoch(user: User, other_user: User, rung: Rung, write: str) -> None:
    """As after a backup of one table: the head moves past every row, and no old position fits the new history.

    Regression: numbers that clients knew were given out again, for other changes.
    """
    rows = [notify(user, title=f"{n}") for n in range(5)]
    notify(other_user, title="another's")
    others, client = standing(other_user)[0], Client(user)
    before = inbox_of(user)
    Inbox.objects.filter(pk=user.pk).update(modseq=F("modseq") - 3)
    (WRITES | SENDS)[write](rows[4])
    assert_exact(user)
    assert inbox_of(user).epoch != before.epoch
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()
    assert standing(other_user)[0] == others


def test_a_seen_mark_beyond_the_head_hides_nothing(user: User) -> None:
    """What arrives counts as unseen although the inbox says that more was seen than there is."""
    notify(user, title="old")
    Inbox.objects.filter(pk=user.pk).update(seen_upto=99, unseen=0)
    notify(user, title="new")
    notify_many([user], title="new too")
    assert inbox_of(user).unseen >= 2
    assert_exact(user)


def test_many_rows_changed_at_once_mend_the_counters(user: User, rung: Rung) -> None:
    """Beyond 50 rows they are counted anyway; what was off before is right afterwards."""
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(60)])
    Inbox.objects.filter(pk=user.pk).update(unread=7, unseen=7)
    Notification.objects.for_user(user).mark_read()
    assert_exact(user)


# --- receivers that write to the inbox that is being written to


@pytest.mark.parametrize("count", [3, 60])
@pytest.mark.parametrize("is_nested", [False, True])
def test_a_receiver_may_notify_while_rows_are_deleted(
    user: User, other_user: User, rung: Rung, count: int, is_nested: bool
) -> None:
    """However many there are, and whether or not the transaction wrote before: what is counted is what is there.

    Regression: the receiver's row was counted twice where many were deleted, for good.
    """
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(count)])
    notify(other_user, title="another's")
    others, client = standing(other_user), Client(user)
    told: list[Notification] = []

    def tell(instance: Notification, **_: Any) -> None:
        if not told and instance.recipient_id == user.pk:
            told.append(notify(user, title=f"{count} were removed"))

    with received(post_delete, tell), transaction.atomic():
        if is_nested:
            notify(user, title="before")
        Notification.objects.for_user(user).delete()
    assert_exact(user)
    assert inbox_of(user).unread == 1
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()
    assert standing(other_user) == others


@pytest.mark.parametrize("count", [3, 60])
def test_a_receiver_may_look_while_rows_are_deleted(user: User, rung: Rung, count: int) -> None:
    """Marking as seen or read from within a deletion takes no counter below 0."""
    Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(count + 2)])
    kept = Notification.objects.for_user(user).order_by("pk")[:2]
    client = Client(user)

    def look(instance: Notification, **_: Any) -> None:
        log.mark_seen(user)
        log.mark_all_read(user)

    with received(post_delete, look):
        Notification.objects.for_user(user).exclude(pk__in=[row.pk for row in kept]).delete()
    assert_exact(user)
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()


# --- fixtures


def dump_of(user: User) -> str:
    """Return what `dumpdata` writes of one user's log."""
    rows = [*Inbox.objects.filter(pk=user.pk), *Notification.objects.for_user(user)]
    return str(serializers.serialize("json", rows))


def load(dump: str, tmp_path: Path) -> None:
    """Load it as `manage.py loaddata` does."""
    path = tmp_path / "dump.json"
    path.write_text(dump)
    call_command("loaddata", str(path), verbosity=0)


@pytest.mark.parametrize("parts", ["all", "inbox", "rows"])
def test_loaddata_leaves_right_inboxes(
    user: User, other_user: User, rung: Rung, tmp_path: Path, parts: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever part of a log is loaded over what is there: it is counted, and history counts as replaced.

    Regression: counters said what the dump said, so that marking one row as read failed; and no page was told.
    """
    caplog.set_level(logging.CRITICAL, "notifications.log")
    rows = [notify(each, title=f"{n}") for n in range(3) for each in (user, other_user)]
    dump = json.loads(dump_of(user))
    dump = [each for each in dump if parts in ("all", "inbox" if each["model"].endswith("inbox") else "rows")]
    rows[0].mark_read()
    rows[2].delete()
    notify(user, title="since")
    client, before, others = Client(user), inbox_of(user), standing(other_user)
    rung.changes.clear()
    load(json.dumps(dump), tmp_path)
    assert_exact(user)
    assert inbox_of(user).epoch != before.epoch
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()
    assert Notification.objects.for_user(user).unread()[0].mark_read()
    assert standing(other_user) == others


def test_loaddata_for_a_user_who_is_gone_mends_the_others(user: User, other_user: User, tmp_path: Path) -> None:
    """Who was loaded and deleted again in the same transaction has no inbox to mend."""
    notify_many([user, other_user], title="new")
    dump, others = dump_of(user), standing(other_user)
    with transaction.atomic():
        load(dump, tmp_path)
        user.delete()
    assert standing(other_user) == others
    assert not Inbox.objects.filter(pk=user.pk).exists()


def test_check_inboxes_says_what_was_mended(user: User, other_user: User, caplog: pytest.LogCaptureFixture) -> None:
    """A write that mended an inbox leaves its time there, and the command names the latest."""
    row = notify(user, title="new")
    notify(other_user, title="another's")
    Inbox.objects.filter(pk=user.pk).update(unread=0, unseen=0)
    row.mark_read()
    mended_at = inbox_of(user).mended_at
    assert mended_at is not None
    out = io.StringIO()
    call_command("check_inboxes", stdout=out)
    assert "all are right" in out.getvalue()
    assert (
        f"1 was repaired by an earlier write, the latest (user {user.pk}) at {mended_at:%Y-%m-%d %H:%M} UTC."
        in out.getvalue()
    )
    assert f"inbox of user {user.pk}" in caplog.text
    assert inbox_of(other_user).mended_at is None
