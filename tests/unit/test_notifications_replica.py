"""A site whose router reads from a replica, as in Django's documentation: one that lags behind, and takes no writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from notifications import mark_all_read, mark_seen, notify, notify_many, track
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from notifications.reading import actions
from notifications.reading.undo import undo_action
from tests.support.ledger import assert_exact
from tests.support.model import in_database
from tests.support.staff import FORM


@pytest.fixture(autouse=True)
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let tests commit and open a second database, which Django's own test cases forbid; clean up by hand."""
    with django_db_blocker.unblock():
        yield
        Notification.objects.all().delete_rows()
        User.objects.all().delete()


class ReplicaRouter:
    """The router of Django's documentation on multiple databases."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


@pytest.fixture
def staff(user: User, other_user: User) -> Client:
    """A member of staff who has logged in before the replica was cut off."""
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def rows(user: User, other_user: User) -> list[Notification]:
    """What the replica knows: some of each user's, unread."""
    for each in (other_user, user):
        rows = Notification.objects.bulk_create([Notification(recipient=each, title=f"{n}") for n in range(6)])
    return rows


@pytest.fixture
def replica(staff: Client, rows: list[Notification], tmp_path: Path) -> Iterator[CaptureQueriesContext]:
    """Copy the database as it is; from now on the copy is what the router reads. Returns what was read there."""
    path = tmp_path / "replica.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    default = connections.settings["default"]
    connections.settings["replica"] = {
        **default,
        "NAME": f"file:{path}?mode=ro",  # refuses every write
        "OPTIONS": {"uri": True},
    }
    try:
        with (
            override_settings(DATABASE_ROUTERS=[ReplicaRouter()]),
            CaptureQueriesContext(connections["replica"]) as queries,
        ):
            yield queries
    finally:
        connections["replica"].close()
        del connections["replica"], connections.settings["replica"]


def in_list(rows: list[Notification]) -> Any:
    """Return these rows as the site would have read them."""
    return Notification.objects.filter(pk__in=[row.pk for row in rows])


def edit(row: Notification) -> None:
    """Change one as a form does."""
    row.title = "edited"
    row.save()


WRITES: dict[str, Callable[[User, list[Notification]], Any]] = {
    "mark_read": lambda user, rows: rows[0].mark_read(),
    "archive": lambda user, rows: rows[0].archive(),
    "delete": lambda user, rows: rows[0].delete(),
    "save": lambda user, rows: edit(rows[0]),
    "bulk_create": lambda user, rows: Notification.objects.bulk_create([Notification(recipient=user, title="new")]),
    "bulk_update": lambda user, rows: Notification.objects.bulk_update(rows, ["title"]),
    "update": lambda user, rows: in_list(rows).update(title="all"),
    "sliced update": lambda user, rows: in_list(rows)[:2].mark_read(),
    "delete many": lambda user, rows: in_list(rows).delete(),
    "get_or_create": lambda user, rows: Notification.objects.get_or_create(recipient=user, title="new"),
    "update_or_create": lambda user, rows: Notification.objects.update_or_create(
        recipient=user, title="0", defaults={"body": "edited"}
    ),
    "related": lambda user, rows: user.live_notifications.create(title="new"),
    "related update": lambda user, rows: user.live_notifications.mark_read(),
    "notify": lambda user, rows: notify(user, title="new"),
    "notify_many": lambda user, rows: notify_many(User.objects.filter(pk=user.pk), title="new"),
    "mark_all_read": lambda user, rows: mark_all_read(user),
    "mark_seen": lambda user, rows: mark_seen(user),
    "undo": lambda user, rows: undo_action(user, str(actions.apply_action(user, "delete", [rows[0].pk]).token)),
    "track": lambda user, rows: run_job(user),
}


def run_job(user: User) -> None:
    """Do nothing, and tell about it."""
    with track(user, title="Export"):
        pass


@pytest.mark.parametrize("write", sorted(WRITES))
def test_every_write_goes_to_the_primary(
    user: User, other_user: User, rows: list[Notification], replica: CaptureQueriesContext, write: str
) -> None:
    """Also that of an instance which was read from the replica, and what it says afterwards is what was written.

    Regression: bulk writes and the methods of such an instance went to the replica.
    """
    before = Inbox.objects.using("default").get(pk=user.pk)
    others = in_database(other_user)
    mine = list(Notification.objects.filter(recipient=user).order_by("pk"))
    assert {row._state.db for row in mine} == {"replica"}
    WRITES[write](User.objects.get(pk=user.pk), mine)
    assert Inbox.objects.using("default").get(pk=user.pk).modseq > before.modseq
    stored = Notification.objects.using("default").in_bulk()
    assert all(
        row.modseq == stored[row.pk].modseq
        for row in mine[:1]
        if row.pk in stored and write in ("mark_read", "archive")
    )
    assert in_database(other_user) == others


def test_pages_and_api_show_position_and_rows_of_one_moment(
    user: User, other_user: User, staff: Client, replica: CaptureQueriesContext
) -> None:
    """What was sent a moment ago is on them, and so is the position behind it; nothing of it is asked of the replica.

    Regression: rows came from the replica and the position from the primary, so the stream went on behind the gap.
    """
    new = notify(user, title="sent a moment ago")
    notify(other_user, title="another's")
    position = inbox_of(user).position
    for path in (reverse("live_notifications:centre"), "/notifications/api/notifications"):
        page = staff.get(path).content.decode()
        assert "sent a moment ago" in page
        assert position in page
        assert "another's" not in page
    assert staff.get(f"/notifications/api/notifications/{new.pk}").json()["title"] == "sent a moment ago"
    assert (
        "sent a moment ago" in staff.get(reverse("admin:live_notifications_notification_changelist")).content.decode()
    )
    assert staff.get(reverse("admin:live_notifications_notification_change", args=[new.pk])).status_code == 200
    asked = [query["sql"] for query in replica.captured_queries]
    assert not [sql for sql in asked if "live_notifications_notification" in sql or "live_notifications_inbox" in sql]


def test_staff_send_to_many(user: User, other_user: User, staff: Client, replica: CaptureQueriesContext) -> None:
    """What was written is found where it was written.

    Regression: the admin looked for it in the replica, and its history named other notifications, or it failed.
    """
    form = {**FORM, "recipients": [user.pk, other_user.pk], "title": "to both"}
    answer = staff.post(reverse("admin:live_notifications_notification_add"), form, follow=True)
    assert "was sent to 2 people" in answer.content.decode()
    sent = Notification.objects.using("default").filter(title="to both").values_list("pk", flat=True)
    history = LogEntry.objects.using("default").values_list("object_id", flat=True)
    assert sorted(map(str, history)) == sorted(map(str, sent))
    assert len(sent) == 2
    with override_settings(DATABASE_ROUTERS=[]):
        assert_exact(user, other_user)
