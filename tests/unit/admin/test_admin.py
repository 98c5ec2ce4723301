"""The admin: staff send to one or to many, correct and delete."""

import time
from typing import Any

import pytest
from django import forms
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from notifications import notify, notify_many
from notifications.admin import notifications as notification_admin
from notifications.models import Inbox, Notification
from tests.support.staff import ADD, FORM, LIST, errors, login_with, run, said


@pytest.fixture
def staff_client(db: None) -> Client:
    """A member of staff who may do everything to notifications, and nothing to users."""
    return login_with("add_notification", "change_notification", "delete_notification", "view_notification")


# --- sending


def test_sends_to_one_user(admin_client: Client, user: User, other_user: User) -> None:
    """One recipient: one notification, one change of that user's log, one message, one entry in the history."""
    response = admin_client.post(ADD, {**FORM, "recipients": [user.pk], "url": "/disks/", "actor": "Ada"}, follow=True)
    sent = Notification.objects.get()
    assert (sent.recipient, sent.title, sent.level, sent.url, sent.actor) == (
        user,
        "Disk is full",
        "warning",
        "/disks/",
        "Ada",
    )
    inbox = Inbox.objects.get(user=user)
    assert (inbox.modseq, inbox.unread) == (sent.modseq, 1)
    assert not Inbox.objects.filter(user=other_user).exists()
    assert said(response) == ["“Disk is full” was sent to user1."]
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.action_flag) == (str(sent.pk), ADDITION)


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_sends_to_many_users_at_once(admin_client: Client, user: User, other_user: User) -> None:
    """Each recipient gets a row of their own and it is in the history of each; who was not chosen gets nothing."""
    third = User.objects.create_user("user3")
    old = notify(user, title="Before")
    recipients = [other_user.pk, user.pk, user.pk]
    response = admin_client.post(ADD, {**FORM, "recipients": recipients}, follow=True)
    sent = Notification.objects.exclude(pk=old.pk)
    assert sorted(row.recipient.username for row in sent) == ["user1", "user2"]
    assert said(response) == ["“Disk is full” was sent to 2 people."]
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(row.pk) for row in sent}
    assert not third.live_notifications.exists()
    assert Inbox.objects.get(user=user).unread == 2


def test_sending_another_returns_to_the_empty_form(admin_client: Client, user: User) -> None:
    """“Send and write another” comes back to the form with its address as it was."""
    response = admin_client.post(f"{ADD}?level=error", {**FORM, "recipients": [user.pk], "_addanother": "1"})
    assert response.headers["Location"] == f"{ADD}?level=error"
    assert Notification.objects.count() == 1


def test_popup_answers_its_opener(admin_client: Client, user: User) -> None:
    """Opened from another form's “+”, it hands back the row that it sent."""
    response = admin_client.post(ADD, {**FORM, "recipients": [user.pk], "_popup": "1"})
    assert f"&quot;value&quot;: &quot;{Notification.objects.get().pk}&quot;" in response.content.decode()


def test_who_may_only_add_can_send(user: User) -> None:
    """Without the right to see the list, sending leads back to the admin's first page."""
    client = login_with("add_notification")
    response = client.post(ADD, {**FORM, "recipients": "user1"})
    assert response.headers["Location"] == "/admin/"
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("title", "   ", "required"),
        ("title", "x" * 201, "200"),
        ("body", "x" * 4001, "4000"),
        ("url", "javascript:alert(1)", "not a link"),
        ("category", "two words", "letters"),
        ("level", "loud", "valid choice"),
        ("data", "[]", "JSON object"),
        ("data", "{", "valid JSON"),
        ("data", '{"a": "%s"}' % ("x" * 9000), "bytes"),
        ("recipients", [], "required"),
        ("recipients", ["987654"], "987654"),
        ("recipients", ["me"], "me"),
    ],
)
def test_errors_stand_at_their_field(admin_client: Client, user: User, field: str, value: Any, words: str) -> None:
    """What cannot be sent is refused where it was typed, and nothing is written."""
    response = admin_client.post(ADD, {**FORM, "recipients": [user.pk], field: value})
    found = errors(response)
    assert list(found) == [field]
    assert words in found[field][0]
    assert not Notification.objects.exists()
    assert not LogEntry.objects.exists()


def test_empty_data_is_an_empty_object(admin_client: Client, user: User) -> None:
    """Staff who clear the field of JSON mean no data."""
    admin_client.post(ADD, {**FORM, "recipients": [user.pk], "data": ""})
    assert Notification.objects.get().data == {}


def test_recipient_deleted_meanwhile_is_an_error_of_the_form(
    admin_client: Client, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipient who goes between the form's check and the write is named at the field; nobody got anything."""

    def refuse(users: list[User], **content: Any) -> int:
        notify(user, title="Half of it")
        rest = forms.ModelMultipleChoiceField(User.objects.exclude(pk=other_user.pk))
        monkeypatch.setattr(notification_admin, "build_recipients_field", lambda request, site: rest)
        raise ValidationError({"recipient": "No user has that key."})

    monkeypatch.setattr(notification_admin, "notify_many", refuse)
    found = errors(admin_client.post(ADD, {**FORM, "recipients": [user.pk, other_user.pk]}))
    assert found == {"recipients": [f"Select a valid choice. {other_user.pk} is not one of the available choices."]}
    assert not Notification.objects.exists()


# --- correcting


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_a_correction_goes_through_the_log(admin_client: Client, user: User) -> None:
    """An edit raises the log by one and is in the history; whose it is cannot be edited."""
    sent = notify(user, title="Disk is ful")
    page = admin_client.get(f"{LIST}{sent.pk}/change/")
    assert 'name="recipient' not in page.content.decode()
    admin_client.post(f"{LIST}{sent.pk}/change/", {**FORM, "recipient": "1", "recipients": ["1"]})
    sent.refresh_from_db()
    assert (sent.title, sent.level, sent.recipient) == ("Disk is full", "warning", user)
    assert Inbox.objects.get(user=user).modseq == sent.modseq == 3
    assert LogEntry.objects.get().action_flag == CHANGE


def test_a_correction_writes_what_was_corrected_and_no_more(
    admin_client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader marks it as read while staff edit it: it stays read, and the counters agree."""
    sent = notify(user, title="Disk is ful")
    save = Notification.save

    def read_first(row: Notification, **options: Any) -> None:
        Notification.objects.filter(pk=row.pk).mark_read()
        save(row, **options)

    monkeypatch.setattr(Notification, "save", read_first)
    admin_client.post(f"{LIST}{sent.pk}/change/", {**FORM})
    sent.refresh_from_db()
    assert sent.title == "Disk is full"
    assert sent.is_read
    assert Inbox.objects.get(user=user).unread == 0


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_saving_without_a_change_changes_nothing(admin_client: Client, user: User) -> None:
    """No change, no step of the log: nobody's open page stirs."""
    sent = notify(user, title="Disk is full", level="warning")
    admin_client.post(f"{LIST}{sent.pk}/change/", FORM)
    assert Inbox.objects.get(user=user).modseq == sent.modseq


def test_a_wrong_correction_is_an_error_of_the_form(admin_client: Client, user: User) -> None:
    """What the log would refuse stands at its field."""
    sent = notify(user, title="Disk is full")
    found = errors(admin_client.post(f"{LIST}{sent.pk}/change/", {**FORM, "url": "//evil.example"}))
    assert list(found) == ["url"]


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_who_may_only_look_sees_it_all_and_changes_nothing(user: User) -> None:
    """The right to view gives the page without a form, without actions, without sending."""
    client = login_with("view_notification")
    sent = notify(user, title="Disk is full")
    assert "Disk is full" in client.get(f"{LIST}{sent.pk}/change/").content.decode()
    assert client.post(f"{LIST}{sent.pk}/change/", FORM).status_code == 403
    assert client.get(ADD).status_code == 403
    assert 'name="action"' not in client.get(LIST).content.decode()
    run(client, "mark_read", sent)
    assert Inbox.objects.get(user=user).modseq == sent.modseq


# --- deleting


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_delete_goes_through_the_log(staff_client: Client, user: User) -> None:
    """A deleted row raises the log and its floor, and lowers the counter."""
    sent = notify(user, title="Disk is full")
    staff_client.post(f"{LIST}{sent.pk}/delete/", {"post": "yes"})
    inbox = Inbox.objects.get(user=user)
    assert (inbox.modseq, inbox.floor, inbox.unread) == (3, 3, 0)
    assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True)  # each request is a change of its own
def test_delete_selected_is_one_change_of_each_log(staff_client: Client, user: User, other_user: User) -> None:
    """Many rows of two users: each log moves by one."""
    notify_many([user, other_user], title="One")
    notify_many([user, other_user], title="Two")
    response = run(staff_client, "delete_selected", *Notification.objects.all(), post="yes")
    assert said(response) == ["Successfully deleted 4 notifications."]
    assert {(inbox.modseq, inbox.floor, inbox.unread) for inbox in Inbox.objects.all()} == {(4, 4, 0)}


# --- taking back what was sent


def test_what_was_sent_can_be_taken_back(admin_client: Client, user: User, other_user: User) -> None:
    """One button for a minute, on the list and on the next empty form; it takes back this sending and nothing else."""
    kept = notify(user, title="Kept")
    page = admin_client.post(ADD, {**FORM, "recipients": [user.pk, other_user.pk]}, follow=True)
    assert f'action="{LIST}undo/"' in page.content.decode()
    assert f'action="{LIST}undo/"' in admin_client.get(ADD).content.decode()
    assert admin_client.get(f"{LIST}undo/").status_code == 405
    page = admin_client.post(f"{LIST}undo/", follow=True)
    assert said(page) == ["Sending was undone for 2 people."]
    assert list(Notification.objects.all()) == [kept]
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 2
    assert f'action="{LIST}undo/"' not in page.content.decode()
    assert said(admin_client.post(f"{LIST}undo/", follow=True))[0].startswith("It is too late")


def test_what_was_sent_long_ago_is_not_taken_back(
    admin_client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute the button is gone; pressed on a page that was left open it changes nothing."""
    admin_client.post(ADD, {**FORM, "recipients": [user.pk]})
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert f'action="{LIST}undo/"' not in admin_client.get(LIST).content.decode()
    assert said(admin_client.post(f"{LIST}undo/", follow=True))[0].startswith("It is too late")
    assert Notification.objects.count() == 1


def test_nobody_takes_back_what_another_sent(admin_client: Client, user: User) -> None:
    """What was sent stands in the session of who sent it."""
    admin_client.post(ADD, {**FORM, "recipients": [user.pk]})
    other = login_with("add_notification", "view_notification")
    assert said(other.post(f"{LIST}undo/", follow=True))[0].startswith("It is too late")
    assert login_with("view_notification").post(f"{LIST}undo/").status_code == 403
    assert Notification.objects.count() == 1
