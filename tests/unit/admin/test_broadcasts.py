"""The admin of broadcasts: who may write, who may send, and what each is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from html import unescape
from typing import Any, Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from notifications import AudienceKind, Step, order_broadcast, take_step
from notifications.admin.broadcast_pages import Pages
from notifications.admin.broadcasts import BroadcastAdmin
from notifications.broadcasts import segments
from notifications.broadcasts.worker import Worker
from notifications.models import Broadcast, Notification
from notifications.models.broadcast import BroadcastState
from tests.support.ledger import Rung
from tests.support.staff import errors, login_with, said


@pytest.fixture(autouse=True)
def db(committing: None) -> None:
    """Let tests commit."""


@pytest.fixture(autouse=True)
def rung(ledger: Rung) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    return ledger


LIST: Final = "/admin/live_notifications/broadcast/"
# What a browser posts from an untouched form.
FORM: Final = {
    "title": "Maintenance at 22:00",
    "body": "",
    "url": "",
    "level": "info",
    "category": "general",
    "audience": "everyone",
    "send_at_0": "",
    "send_at_1": "",
    "expires_at_0": "",
    "expires_at_1": "",
    "_save": "Save and review",
}
Draft = Callable[..., Broadcast]


def only() -> Broadcast:
    """Return the one broadcast there is."""
    return Broadcast.objects.get()


def at(name: str, hours: float) -> dict[str, str]:
    """Return a form's date and time, so many hours from now."""
    moment = timezone.now() + dt.timedelta(hours=hours)
    return {f"{name}_0": moment.strftime("%Y-%m-%d"), f"{name}_1": moment.strftime("%H:%M:%S")}


def post(client: Client, broadcast: Broadcast, word: str, **fields: Any) -> Any:
    """Press a button on the page of a broadcast."""
    address = f"{LIST}{broadcast.pk}/{'test/' if word == 'test' else f'step/{word}/'}"
    return client.post(address, {"revision": broadcast.revision, **fields}, follow=True)


def test_draft_for_groups_is_reviewed_and_sent(admin_client: Client, people: list[User]) -> None:
    """From the form over the review to everybody in the groups; each step is in the history."""
    groups = [Group.objects.create(name=name) for name in ("editors", "authors")]
    groups[0].user_set.set(people[:2])
    groups[1].user_set.set(people[1:3])
    form = FORM | {"audience": "groups", "groups": [group.pk for group in groups]}
    page = admin_client.post(f"{LIST}add/", form, follow=True)
    assert page.redirect_chain == [(f"{LIST}{only().pk}/review/", 302)]
    text = page.content.decode()
    assert "Groups: editors, authors" in text
    assert "Among them: user0, user1, user2" in text
    assert "Send to 3 people" in text
    page = post(admin_client, only(), "send")
    assert page.redirect_chain == [(f"{LIST}{only().pk}/progress/", 302)]
    Worker().work_off()
    assert Notification.objects.filter(broadcast=only()).count() == 3
    page = admin_client.get(f"{LIST}{only().pk}/change/", follow=True)
    assert page.redirect_chain == [(f"{LIST}{only().pk}/progress/", 302)]
    assert "3 of 3" in page.content.decode()
    told = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert told == ["Added.", "Sending began.", "Sent to everybody."]


def test_sender_follows_it_in_a_notification(admin_client: Client, people: list[User]) -> None:
    """One row, amended: not one for each step."""
    admin_client.post(f"{LIST}add/", FORM)
    post(admin_client, only(), "send")
    Worker().work_off()
    followed = Notification.objects.get(category="broadcasts")
    assert followed.title == "Sent: Maintenance at 22:00"
    assert followed.level == "success"
    assert followed.url == f"{LIST}{only().pk}/progress/"
    assert followed.data["progress"] == {"done": 13, "total": 13, "state": "success"}
    assert followed.data["broadcast"]["state"] == "sent"


def test_sender_of_a_small_one_sees_its_end(
    admin_client: Client, people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is done before the page answers knew already whom to tell."""

    def at_once(*arguments: Any, **words: Any) -> Broadcast:
        ordered = order_broadcast(*arguments, **words)
        Worker().work_off()
        return ordered

    monkeypatch.setattr("notifications.admin.broadcast_pages.order_broadcast", at_once)
    post(admin_client, draft(), "send")
    assert Notification.objects.get(category="broadcasts").title == "Sent: Maintenance at 22:00"


def test_segment_is_offered_where_there_is_one(
    admin_client: Client, people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site's own audiences stand in the form, by name."""
    monkeypatch.setattr(segments, "registered", {})
    assert "A segment" not in admin_client.get(f"{LIST}add/").content.decode()
    segments.segment("trial users")(lambda: User.objects.filter(username__in=["user1", "user2"]))
    assert "trial users" in admin_client.get(f"{LIST}add/").content.decode()
    page = admin_client.post(f"{LIST}add/", FORM | {"audience": "segment", "segment": "trial users"}, follow=True)
    assert "Send to 2 people" in page.content.decode()
    segments.registered.clear()
    page = admin_client.get(f"{LIST}{only().pk}/review/")
    assert "Unknown segment “trial users”" in page.content.decode()
    page = post(admin_client, only(), "send")
    assert said(page) == ["Unknown segment “trial users”; registered segments: none so far."]
    assert only().state == BroadcastState.DRAFT
    assert admin_client.get(f"{LIST}{only().pk}/change/").status_code == 200


def test_segment_that_fails_is_told(
    admin_client: Client, people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site's own code may break: the review and who sends all the same are told, instead of an error page."""

    def fail() -> Any:
        raise RuntimeError("the shop is closed")

    monkeypatch.setattr(segments, "registered", {"trial users": fail})
    broadcast = draft(audience=AudienceKind.SEGMENT, chosen=["trial users"])
    words = "The segment 'trial users' failed with RuntimeError: the shop is closed; fix it."
    assert words in unescape(admin_client.get(f"{LIST}{broadcast.pk}/review/").content.decode())
    assert said(post(admin_client, broadcast, "send")) == [words]
    assert only().state == BroadcastState.DRAFT


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"title": "   "}, "title", "required"),
        ({"title": "x" * 201}, "title", "200"),
        ({"url": "javascript:alert(1)"}, "url", "not a link"),
        ({"audience": "groups"}, "groups", "Choose at least one"),
        ({"audience": "users"}, "users", "Choose at least one"),
        ({"audience": "users", "users": [987654]}, "users", "987654"),
        ({"audience": "friends"}, "audience", "valid choice"),
        (at("send_at", -1), "send_at", "has passed; choose a later time"),
        (at("expires_at", -1), "expires_at", "has passed; choose a later time"),
        (at("send_at", 2) | at("expires_at", 1), "expires_at", "is before the time of sending"),
    ],
)
def test_errors_stand_at_their_field(
    admin_client: Client, people: list[User], fields: dict[str, Any], field: str, words: str
) -> None:
    """What can never be sent is refused where it was typed, and nothing is written."""
    found = errors(admin_client.post(f"{LIST}add/", FORM | fields))
    assert list(found) == [field]
    assert words in found[field][0]
    assert not Broadcast.objects.exists()


def test_inactive_user_is_named(admin_client: Client, people: list[User]) -> None:
    """Whoever cannot log in would get nothing, so staff are told at the field."""
    gone = User.objects.get(is_active=False)
    found = errors(admin_client.post(f"{LIST}add/", FORM | {"audience": "users", "users": [people[0].pk, gone.pk]}))
    assert found == {"users": ["user5 can no longer log in and would get nothing; remove them."]}


def test_user_who_was_deactivated_since_is_left_out(admin_client: Client, people: list[User], draft: Draft) -> None:
    """The review says how many of those chosen get nothing."""
    broadcast = draft(audience=AudienceKind.USERS, chosen=[user.pk for user in people[:3]])
    User.objects.filter(pk=people[0].pk).update(is_active=False)
    text = admin_client.get(f"{LIST}{broadcast.pk}/review/").content.decode()
    assert "1 chosen user can no longer log in and gets nothing" in text
    assert "Send to 2 people" in text


def test_user_chosen_twice_is_told_once(admin_client: Client, people: list[User]) -> None:
    """A name may stand in the form twice."""
    admin_client.post(f"{LIST}add/", FORM | {"audience": "users", "users": [people[0].pk, people[0].pk]})
    assert only().chosen == [people[0].pk]


def test_empty_audience_cannot_be_sent(admin_client: Client, people: list[User]) -> None:
    """The review says so, and so does whoever presses the button all the same."""
    group = Group.objects.create(name="nobody")
    page = admin_client.post(f"{LIST}add/", FORM | {"audience": "groups", "groups": [group.pk]}, follow=True)
    assert "This audience has no active users" in page.content.decode()
    assert said(post(admin_client, only(), "send")) == [
        "This audience has no active users, so nothing would be sent; choose another."
    ]
    assert only().state == BroadcastState.DRAFT


def test_test_goes_to_oneself_only(admin_client: Client, admin_user: User, people: list[User], draft: Draft) -> None:
    """It is a plain notification: the broadcast itself stays a draft."""
    page = post(admin_client, draft(), "test")
    assert said(page) == ["A test was sent to you."]
    row = Notification.objects.get()
    assert (row.recipient, row.broadcast, row.title) == (admin_user, None, "Maintenance at 22:00")
    assert only().state == BroadcastState.DRAFT
    assert LogEntry.objects.get().get_change_message() == "Sent a test to themselves."


def test_who_may_only_change_cannot_send(people: list[User], draft: Draft) -> None:
    """They write drafts and test them on themselves; the buttons to send are not there, and would not work."""
    writer = login_with("add_broadcast", "change_broadcast", "view_broadcast")
    page = writer.post(f"{LIST}add/", FORM, follow=True)
    text = page.content.decode()
    assert "Sending needs the permission" in text
    assert "Send to" not in text
    assert post(writer, only(), "send").status_code == 403
    assert post(writer, only(), "test").status_code == 200
    assert only().state == BroadcastState.DRAFT
    order_broadcast(only())
    for word in ("pause", "cancel", "retract"):
        assert post(writer, only(), word).status_code == 403
    assert "Pause" not in writer.get(f"{LIST}{only().pk}/progress/").content.decode()


def test_who_may_only_send_cannot_write(people: list[User], draft: Draft) -> None:
    """Four eyes: one writes, another one sends."""
    sender = login_with("send_broadcast", "view_broadcast")
    broadcast = draft()
    assert sender.get(f"{LIST}add/").status_code == 403
    assert sender.get(f"{LIST}{broadcast.pk}/change/", follow=True).redirect_chain[-1][0].endswith("/review/")
    assert post(sender, broadcast, "send").status_code == 200
    assert only().state == BroadcastState.SENDING


def test_others_see_nothing(people: list[User], draft: Draft) -> None:
    """Staff without any of these permissions are refused, and so is who is not on the staff."""
    broadcast = draft()
    stranger = login_with("view_notification")
    for page in ("review", "progress"):
        assert stranger.get(f"{LIST}{broadcast.pk}/{page}/").status_code == 403
    assert Client().get(f"{LIST}{broadcast.pk}/review/").status_code == 302


def test_steps_need_a_post(admin_client: Client, draft: Draft) -> None:
    """A link cannot send."""
    broadcast = draft()
    for page in ("step/send", "step/retract", "test"):
        assert admin_client.get(f"{LIST}{broadcast.pk}/{page}/").status_code == 405
    assert admin_client.post(f"{LIST}{broadcast.pk}/step/explode/").status_code == 404
    assert admin_client.post(f"{LIST}{10**30}/step/send/").status_code == 404


def test_second_of_two_who_send_is_told(admin_client: Client, people: list[User], draft: Draft) -> None:
    """The page of the slower one was open before; nothing is sent twice."""
    broadcast = draft()
    assert post(login_with("send_broadcast", "view_broadcast"), broadcast, "send").status_code == 200
    (text,) = said(post(admin_client, broadcast, "send"))
    assert (
        text
        == "staff-send_broadcast-view_broadcast acted first: “Maintenance at 22:00” is now sending. Nothing was sent twice."
    )


def test_what_was_edited_since_the_review_is_not_sent(admin_client: Client, people: list[User]) -> None:
    """The button sends what the page showed, or nothing."""
    admin_client.post(f"{LIST}add/", FORM)
    seen = only()
    admin_client.post(f"{LIST}{seen.pk}/change/", FORM | {"title": "Maintenance at 23:00"})
    assert said(post(admin_client, seen, "send")) == [
        "“Maintenance at 23:00” was edited after you reviewed it, so it was not sent. Review it again."
    ]
    assert only().state == BroadcastState.DRAFT


def test_what_goes_out_is_not_edited(admin_client: Client, people: list[User], draft: Draft) -> None:
    """A form that was open while somebody sent the draft changes nothing, and says so."""
    broadcast = draft()
    order_broadcast(broadcast)
    page = admin_client.post(f"{LIST}{broadcast.pk}/change/", FORM | {"title": "Other words"}, follow=True)
    assert said(page) == ["“Maintenance at 22:00” is now sending, so your changes were not saved."]
    assert (only().title, only().state) == ("Maintenance at 22:00", BroadcastState.SENDING)


def test_scheduled_one_can_be_withdrawn(admin_client: Client, people: list[User]) -> None:
    """It is a draft again then, and can be edited."""
    admin_client.post(f"{LIST}add/", FORM | at("send_at", 1))
    assert said(post(admin_client, only(), "send")) == ["“Maintenance at 22:00” is scheduled."]
    assert only().state == BroadcastState.SCHEDULED
    post(admin_client, only(), "withdraw")
    assert only().state == BroadcastState.DRAFT
    assert admin_client.get(f"{LIST}{only().pk}/change/").status_code == 200


def test_buttons_follow_the_state(admin_client: Client, people: list[User], draft: Draft) -> None:
    """Pause, resume, cancel and retract do what they say; a step that came too late is explained."""
    broadcast = draft()
    order_broadcast(broadcast)
    for word, state in (
        ("pause", BroadcastState.PAUSED),
        ("resume", BroadcastState.SENDING),
        ("cancel", BroadcastState.CANCELLED),
    ):
        post(admin_client, broadcast, word)
        assert only().state == state
    assert said(post(admin_client, broadcast, "pause")) == [
        "“Maintenance at 22:00” is now cancelled, so nothing was changed."
    ]
    post(admin_client, broadcast, "retract")
    assert only().state == BroadcastState.RETRACTING


def test_only_what_is_in_no_inbox_can_be_deleted(admin_client: Client, people: list[User], draft: Draft) -> None:
    """What was sent is retracted first."""
    order_broadcast(draft())
    Worker().work_off()
    address = f"{LIST}{only().pk}/delete/"
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    take_step(only(), Step.RETRACT)
    Worker().work_off()
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Broadcast.objects.exists()


def test_what_is_sent_meanwhile_is_not_deleted(
    admin_client: Client, people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody sends it between the question "Are you sure?" and the deletion: it stays, and says so."""
    broadcast, delete = draft(), BroadcastAdmin.delete_model

    def after_order(*arguments: Any) -> None:
        order_broadcast(only())
        delete(*arguments)

    monkeypatch.setattr(BroadcastAdmin, "delete_model", after_order)
    monkeypatch.setattr("notifications.broadcasts.transitions.write_entry", lambda *_, **__: None)
    page = admin_client.post(f"{LIST}{broadcast.pk}/delete/", {"post": "yes"}, follow=True)
    assert said(page) == ["“Maintenance at 22:00” is now sending, so it was not deleted."]
    assert not LogEntry.objects.exists()
    assert Broadcast.objects.filter(pk=broadcast.pk).exists()


def test_step_on_what_was_just_deleted_leads_to_the_list(
    admin_client: Client, people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes a draft as another one sends it: no error page."""
    broadcast = draft()

    def delete_first(*_: Any) -> bool:
        Broadcast.objects.all().delete()
        return True

    with monkeypatch.context() as patch:
        patch.setattr(Pages, "may_send", delete_first)
        page = post(admin_client, broadcast, "send")
    assert page.redirect_chain == [(LIST, 302)]
    assert said(page) == ["“Maintenance at 22:00” has been deleted."]


def test_whoever_may_look_may_watch(people: list[User], draft: Draft) -> None:
    """The page of somebody who did not send it offers to watch, the script presses that; once, and while it goes out."""
    order_broadcast(draft())
    viewer = login_with("view_broadcast")
    address = f"{LIST}{only().pk}/progress/"
    assert "notification-watch" in viewer.get(address).content.decode()
    assert post(viewer, only(), "follow").status_code == 200
    row = Notification.objects.get(category="broadcasts")
    assert (row.title, row.is_read) == ("Sending: Maintenance at 22:00", True)
    assert "notification-watch" not in viewer.get(address).content.decode()
    row.delete()
    assert "notification-watch" in viewer.get(address).content.decode()
    Worker().work_off()
    assert "notification-watch" not in viewer.get(address).content.decode()
    assert post(login_with("view_notification"), only(), "follow").status_code == 403


def test_totals_stand_on_the_page(admin_client: Client, people: list[User], draft: Draft) -> None:
    """Recipients, delivered live, read, and what became of it; the reason where it could not go on."""
    order_broadcast(draft())
    Worker().work_off()
    Notification.objects.filter(recipient__in=people[:2]).mark_read()
    Broadcast.objects.update(live=5, problem="The segment failed.")
    text = " ".join(admin_client.get(f"{LIST}{only().pk}/progress/").content.decode().split())
    for name, value in (("Recipients", 13), ("Delivered live", 5), ("Read", 2)):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in text
    assert "The segment failed." in text


def test_list_shows_state_audience_and_progress(admin_client: Client, people: list[User], draft: Draft) -> None:
    """To whom it goes is in words, at the same number of queries for one and for many."""
    editors = Group.objects.create(name="editors")
    keys = [user.pk for user in people]

    def compose() -> None:
        draft(audience=AudienceKind.STAFF)
        draft(audience=AudienceKind.GROUPS, chosen=[editors.pk])
        draft(audience=AudienceKind.USERS, chosen=keys[:2])

    compose()
    text = admin_client.get(LIST).content.decode()  # also looks up the content type, once
    assert "notification-state--draft" in text
    for words in ("Staff", "Groups: editors", "Chosen users: user0, user1"):
        assert words in text
    with CaptureQueriesContext(connection) as few:
        admin_client.get(LIST)
    for _ in range(4):
        compose()
    draft(audience=AudienceKind.USERS, chosen=[*keys, 10**6])
    with CaptureQueriesContext(connection) as many:
        text = admin_client.get(LIST).content.decode()
    assert "user6, user7, user8, 5 more" in text
    assert len(many) == len(few)


NAMES = ["view_user", "view_group", "view_inbox"]


@pytest.mark.parametrize(
    ("may", "kind", "shown", "hidden"),
    [
        ([], "groups", ["2</strong> people"], ["user0", "online now"]),
        (["view_user"], "groups", ["2</strong> people"], ["user0", "online now"]),
        (["view_user"], "users", ["user0, user1", "Chosen users: user0, user1"], ["online now"]),
        ([], "users", ["2</strong> people", "Chosen users: 2"], ["user0", "online now"]),
        (["view_inbox"], "users", ["0 of them online now"], ["user0"]),
        (NAMES, "groups", ["user0, user1", "0 of them online now"], []),
    ],
)
def test_a_writer_sees_what_the_admin_would_show_and_else_only_counts(
    draft: Draft, people: list[User], may: list[str], kind: str, shown: list[str], hidden: list[str]
) -> None:
    """Names, members and presence need the permissions for them, as everywhere in the admin; the review showed all."""
    group = Group.objects.create(name="editors")
    group.user_set.set(people[:2])
    chosen = [group.pk] if kind == "groups" else [user.pk for user in people[:2]]
    broadcast = draft(audience=kind, chosen=chosen)
    writer = login_with("view_broadcast", "change_broadcast", *may)
    pages = [writer.get(f"{LIST}{broadcast.pk}/review/").content.decode(), writer.get(LIST).content.decode()]
    assert all(words in pages[0] for words in shown)
    assert not any(words in page for words in hidden for page in pages)


def test_history_is_read_in_the_readers_language(admin_client: Client, draft: Draft, people: list[User]) -> None:
    """It is kept in English, whoever's language was on when it happened, and told to each in their own."""
    broadcast = draft()
    with translation.override("zh-hans"):
        order_broadcast(broadcast, by=User.objects.get(username="admin"))
    Worker().work_off()
    kept = set(LogEntry.objects.values_list("change_message", flat=True))
    assert kept == {"Sending began.", "Sent to everybody."}
    for language in ("zh-hans", "en"):  # the last one stays on for the tests after this
        with translation.override(language):
            words = [translation.gettext(text) for text in kept]
        assert (words == list(kept)) == (language == "en")
        for page in ("progress", "history"):
            response = admin_client.get(f"{LIST}{broadcast.pk}/{page}/", headers={"Accept-Language": language})
            assert all(each in response.content.decode() for each in words)
