"""Bulk actions of the admin: they count what they changed, and act on what was listed."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications import admin as notification_admin, notify, notify_many
from notifications.admin import changelist as admin_list
from notifications.models import Inbox, Notification
from tests.support.staff import LIST, login_with, run, said


@pytest.fixture
def staff_client(db: None) -> Client:
    """A member of staff who may do everything to notifications, and nothing to users."""
    return login_with("add_notification", "change_notification", "delete_notification", "view_notification")


def test_actions_say_how_many_they_changed(staff_client: Client, user: User, other_user: User) -> None:
    """Each counts what it changed, not what was selected, and moves the counters by it."""
    notify_many([user, other_user], title="One")
    rows = list(Notification.objects.all())
    rows[0].mark_read()
    assert said(run(staff_client, "mark_read", *rows)) == ["1 notification was marked as read."]
    assert said(run(staff_client, "mark_read", *rows)) == [
        "Nothing was changed: the selected notifications were already in this state."
    ]
    assert said(run(staff_client, "mark_unread", *rows)) == ["2 notifications were marked as unread."]
    assert said(run(staff_client, "archive", *rows)) == ["2 notifications were archived."]
    assert [inbox.unread for inbox in Inbox.objects.all()] == [0, 0]
    assert said(run(staff_client, "unarchive", *rows)) == ["2 notifications were moved to the inbox."]
    assert [inbox.unread for inbox in Inbox.objects.all()] == [0, 0]  # what was archived is read
    run(staff_client, "archive", *rows)
    assert said(run(staff_client, "mark_unread", *rows)) == ["2 notifications were marked as unread."]
    assert [inbox.unread for inbox in Inbox.objects.all()] == [1, 1]


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_actions_need_the_right_to_change(user: User) -> None:
    """Who may delete but not change is offered deletion only."""
    client = login_with("view_notification", "delete_notification")
    sent = notify(user, title="Disk is full")
    page = client.get(LIST).content.decode()
    assert 'value="delete_selected"' in page
    assert 'value="archive"' not in page
    run(client, "archive", sent)
    assert Inbox.objects.get(user=user).modseq == sent.modseq


def test_actions_act_within_filter_and_search(staff_client: Client, user: User, other_user: User) -> None:
    """“Select all” on a filtered, searched list means what is listed, and no other row."""
    notify_many([user, other_user], title="One")
    notify_many([user, other_user], title="Two")
    fields = {"action": "mark_read", "select_across": "1", "_selected_action": Notification.objects.latest("pk").pk}
    response = staff_client.post(f"{LIST}?state=unread&q=user2+one", fields, follow=True)
    assert said(response) == ["1 notification was marked as read."]
    assert Notification.objects.read().get().title == "One"


def test_actions_refuse_what_was_not_counted(staff_client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list longer than the bound says so, offers no “select all”, and refuses one that is sent all the same."""
    monkeypatch.setattr(admin_list, "MAX_LISTED_ROWS", 3)
    monkeypatch.setattr(notification_admin.NotificationAdmin, "list_per_page", 2)
    sent = [notify(user, title=f"Number {number}") for number in range(4)]
    page = staff_client.get(LIST).content.decode()
    assert "More than 3 notifications:" in page
    assert "Select all 3" not in page
    response = run(staff_client, "mark_read", sent[0], select_across="1")
    assert "narrow the list" in said(response)[0]
    assert Inbox.objects.get(user=user).unread == 4
    assert said(run(staff_client, "mark_read", sent[0])) == ["1 notification was marked as read."]
    assert staff_client.get(f"{LIST}?p=2").context["cl"].result_list[0] == sent[1]
    page = staff_client.get(f"{LIST}?state=unread").content.decode()
    assert "Select all 3 notifications" in page
