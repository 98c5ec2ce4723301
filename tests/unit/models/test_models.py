"""The records: what they say of themselves, what the database itself refuses, and what an instance can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from notifications import BypassesLog, Level, notify
from notifications.log.replay import inbox_of, read_after
from notifications.models import Inbox, Notification
from notifications.protocol.frames import build_frames
from notifications.protocol.position import Position, parse_position, random_epoch

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(user: User) -> Notification:
    """An unread notification."""
    return notify(user, title="Invoice overdue", body="old")


def test_records_show_themselves_in_the_admin(user: User, row: Notification) -> None:
    """A notification by its title, an inbox by its user and what waits there."""
    assert str(row) == "Invoice overdue"
    assert str(Inbox.objects.get(pk=user.pk)) == "user1 (1 unread)"


def test_a_new_inbox_begins_with_an_epoch_of_its_own(user: User, other_user: User) -> None:
    """Positions of two inboxes, or of one before and after it was lost, cannot be confused."""
    mine, others = inbox_of(user), inbox_of(other_user)
    assert mine.epoch != others.epoch
    assert (mine.modseq, mine.floor, mine.unread, mine.unseen, mine.seen_upto) == (1, 1, 0, 0, 0)
    assert all(0 < random_epoch() < 2**48 for _ in range(1000))


def test_a_position_is_what_a_client_sends(user: User) -> None:
    """`<epoch>.<modseq>`, as the stream reads it."""
    inbox = inbox_of(user)
    assert re.fullmatch(r"[1-9][0-9]*\.1", inbox.position)
    assert parse_position(inbox.position) == (inbox.epoch, 1)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Inbox, {"epoch": 0}),
        (Inbox, {"floor": 0}),
        (Inbox, {"floor": 99}),
        (Inbox, {"unseen": 99}),
        (Inbox, {"unread": -1}),
        (Notification, {"modseq": 1}),
        (Notification, {"title": ""}),
        (Notification, {"level": "loud"}),
    ],
    ids=lambda value: None if isinstance(value, type) else str(value),
)
@pytest.mark.usefixtures("row")
def test_the_database_refuses_what_cannot_be(model: type[models.Model], values: dict[str, Any]) -> None:
    """Also from a program that goes past Django's models."""
    (name, value), table = next(iter(values.items())), model._meta.db_table
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{table}" SET "{name}" = %s', [value])  # noqa: S608 - names of our own


def test_a_deleted_user_takes_everything_along(user: User, row: Notification, other_user: User) -> None:
    """Inbox and notifications go with their user, and only these."""
    notify(other_user, title="stays")
    user.delete()
    assert list(Notification.objects.values_list("title", flat=True)) == ["stays"]
    assert list(Inbox.objects.values_list("pk", flat=True)) == [other_user.pk]


def test_states_are_questions(row: Notification) -> None:
    """`is_read` and `is_archived` follow the times."""
    assert (row.is_read, row.is_archived) == (False, False)
    row.read_at = row.archived_at = timezone.now()
    assert (row.is_read, row.is_archived) == (True, True)


CHANGES: list[tuple[Callable[[Notification], bool], str, bool]] = [
    (Notification.mark_read, "is_read", True),
    (Notification.mark_unread, "is_read", False),
    (Notification.archive, "is_archived", True),
    (Notification.unarchive, "is_archived", False),
]


@pytest.mark.parametrize(("change", "state", "expected"), CHANGES, ids=[change.__name__ for change, *_ in CHANGES])
def test_a_change_of_state_says_whether_it_was_one(
    row: Notification, change: Callable[[Notification], bool], state: str, expected: bool
) -> None:
    """True the first time and False the second; the instance shows what the database holds, `modseq` included."""
    if not expected:
        Notification.objects.filter(pk=row.pk).update(read_at=timezone.now(), archived_at=timezone.now())
        row.refresh_from_db()
    modseq = row.modseq
    row.title = "an edit that was not saved"
    assert change(row) is True
    assert getattr(row, state) is expected
    assert row.title == "an edit that was not saved"
    stored = Notification.objects.get(pk=row.pk)
    assert (getattr(stored, state), stored.modseq, stored.title) == (expected, row.modseq, "Invoice overdue")
    assert row.modseq >= modseq
    assert change(row) is False


def test_a_row_belongs_to_one_log(row: Notification, other_user: User) -> None:
    """Its recipient cannot be changed, by any of Django's ways; the remedy is named."""
    before = Notification.objects.values().get()
    row.recipient = other_user
    with pytest.raises(ValidationError, match="send a new notification instead"):
        row.save()
    for write in (
        lambda: row.save(update_fields=["recipient"]),
        lambda: Notification.objects.update(recipient=other_user),
        lambda: Notification.objects.bulk_update([row], ["recipient"]),
        lambda: other_user.live_notifications.add(row),
        lambda: other_user.live_notifications.set([row]),
    ):
        with pytest.raises(BypassesLog, match="'recipient' cannot be changed after sending"):
            write()
    assert Notification.objects.values().get() == before


def test_only_the_log_writes_modseq(row: Notification) -> None:
    """Neither a chosen field nor a bulk write sets it, and a whole save does not believe the instance."""
    row.modseq = 10**6
    row.save()
    assert Notification.objects.get().modseq < 10**6
    with pytest.raises(BypassesLog, match="'modseq' cannot be changed"):
        row.save(update_fields=["modseq"])
    with pytest.raises(BypassesLog, match="'id' cannot be changed"):
        Notification.objects.update(id=7)


def test_chosen_fields_are_saved_alone(row: Notification) -> None:
    """The others stay as they are in the database."""
    row.title, row.body = "stored", "not stored"
    row.save(update_fields=["title"])
    assert Notification.objects.values_list("title", "body").get() == ("stored", "old")


def test_what_is_not_there_cannot_be_updated(user: User, row: Notification) -> None:
    """As in Django, `force_update` and `update_fields` need a row; the error names the remedy."""
    missing = Notification(pk=row.pk + 1, recipient=user, title="new")
    for words in ({"force_update": True}, {"update_fields": ["title"]}):
        with pytest.raises(DatabaseError, match=r"save\(\) it without update_fields first"):
            missing.save(**words)
    missing.save()
    assert Notification.objects.count() == 2


def test_what_was_never_saved_cannot_be_deleted(user: User) -> None:
    """The error says what to do first."""
    with pytest.raises(ValueError, match=r"call save\(\) first"):
        Notification(recipient=user, title="new").delete()


def test_delete_returns_what_django_returns(row: Notification) -> None:
    """How many, and of what; the instance has no key any more."""
    assert row.delete() == (1, {"live_notifications.Notification": 1})
    assert row.pk is None


def test_a_recipient_is_needed() -> None:
    """Nobody, or somebody who was not saved, is refused by field."""
    for row in (Notification(title="new"), Notification(title="new", recipient=User(username="unsaved"))):
        with pytest.raises(ValidationError) as refusal:
            row.save()
        assert refusal.value.message_dict == {"recipient": ["Is missing; give a saved user."]}


@pytest.mark.parametrize("word", ["mark_read", "archive", "delete", "save"])
def test_a_template_cannot_write(row: Notification, word: str) -> None:
    """Showing a page changes nothing, whatever its template calls."""
    before = list(Notification.objects.values())
    everything = Context({"row": row, "rows": Notification.objects.all(), "manager": Notification.objects})
    Template(f"{{{{ row.{word} }}}}{{{{ rows.{word} }}}}{{{{ manager.{word} }}}}").render(everything)
    Template("{{ rows.delete_rows }}{{ manager.mark_unread }}{{ row.unarchive }}").render(everything)
    assert list(Notification.objects.values()) == before


def test_levels_are_the_documented_ones() -> None:
    """Four, as in Django's messages, without `debug`."""
    assert Level.values == ["info", "success", "warning", "error"]


BAD_DATA = {
    "nested deeply": '{"a": ' * 100 + "1" + "}" * 100,
    "nested too deeply to read": '{"a": ' * 990 + "1" + "}" * 990,  # SQLite stores no more than 1,000
    "no object": "[1]",
    "a number too long": '{"a": %s}' % ("9" * 5000),
}


@pytest.mark.parametrize("text", BAD_DATA.values(), ids=BAD_DATA)
def test_a_bad_row_is_read_like_any_other(
    client: Client, admin_client: Client, user: User, row: Notification, text: str
) -> None:
    """What raw SQL, or an older version, put into `data` keeps nobody from the list, and the row can be deleted.

    Regression: a row nested 900 deep was an error for its reader's pages, API and stream, and for the list of the staff.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Notification._meta.db_table} SET data = %s WHERE id = %s", [text, row.pk])  # noqa: S608
    assert Notification.objects.get(pk=row.pk).data == {}
    client.force_login(user)
    assert "Invoice overdue" in client.get("/notifications/").content.decode()
    (item,) = client.get("/notifications/api/notifications").json()["items"]
    assert item["data"] == {}
    inbox = inbox_of(user)
    replay = read_after({user.pk: [None]})[user.pk, None]
    assert replay.snapshot is not None
    assert [each["data"] for each in replay.snapshot["items"]] == [{}]
    before = Position(inbox.epoch, inbox.modseq - 1)
    assert '"data":{}' in read_after({user.pk: [before]})[user.pk, before].changes[0][1]
    assert "Invoice overdue" in admin_client.get("/admin/live_notifications/notification/").content.decode()
    assert admin_client.get(f"/admin/live_notifications/notification/{row.pk}/change/").status_code == 200
    assert row.delete()[0] == 1


BAD_COLUMNS = {
    "a time that is none": ("created_at", "2026-13-45 99:00:00"),
    "a time that is text": ("created_at", "yesterday"),
    "a time past every calendar": ("created_at", "9999-12-31 23:59:59.999999"),
    "a time of reading that is none": ("read_at", "2026-13-45 99:00:00"),
    "bytes that are no UTF-8": ("title", b"\xff\xfe\xfd"),
    "a number without end": ("data", '{"a": 1e999}'),
    "half of a surrogate pair": ("data", '{"a": "\\ud800"}'),
}


@pytest.mark.parametrize(("column", "value"), BAD_COLUMNS.values(), ids=BAD_COLUMNS)
def test_a_row_with_a_bad_value_hides_no_other(
    client: Client, admin_client: Client, user: User, row: Notification, column: str, value: Any
) -> None:
    """It shows as itself, with what can be read, in the list, the API, the stream and the admin; and can be deleted."""
    good = notify(user, title="a good one")
    inbox = inbox_of(user)
    with connection.cursor() as cursor:
        sql = f"UPDATE {Notification._meta.db_table} SET {column} = %s WHERE id = %s"  # noqa: S608
        cursor.execute(sql if isinstance(value, str) else sql.replace("= %s", "= CAST(%s AS TEXT)", 1), [value, row.pk])
    client.force_login(user)
    assert "a good one" in client.get("/notifications/").content.decode()
    items = client.get("/notifications/api/notifications").json()["items"]
    assert [item["id"] for item in items] == [good.pk, row.pk]
    for since in (None, Position(inbox.epoch, inbox.modseq - 2)):
        told = read_after({user.pk: [since]})[user.pk, since]
        assert "a good one" in f"{told.snapshot}{told.changes}"
        assert f"'id': {row.pk}" in str(told.snapshot) or f'"id":{row.pk}' in str(told.changes)
        list(build_frames(told, 0, needs_hello=True))
    assert "a good one" in admin_client.get("/admin/live_notifications/notification/").content.decode()
    assert admin_client.get(f"/admin/live_notifications/notification/{row.pk}/change/").status_code == 200
    assert Notification.objects.get(pk=row.pk).delete()[0] == 1
    assert list(Notification.objects.for_user(user)) == [good]
