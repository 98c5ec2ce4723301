"""Undo: what an action changed is as it was, for ten seconds, for its own user, and nothing else is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from notifications import notify
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from notifications.reading import actions, undo
from tests.support.api import Program

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = [field.name for field in Notification._meta.concrete_fields if field.name != "modseq"]
BULK = ["read", "unread", "archive", "unarchive", "delete"]


@pytest.fixture
def program(user: User) -> Program:
    """A program that acts for the user."""
    return Program(user)


def rows(user: User) -> list[dict[str, Any]]:
    """Return what is stored for a user, but for the numbers of changes."""
    return list(Notification.objects.for_user(user).order_by("pk").values(*FIELDS))


def three(user: User) -> list[int]:
    """Send three: one new, one read, one read and archived, with content of every kind."""
    new = notify(user, title="New", body="é\u2028", url="/x/", level="error", category="c", actor="A", data={"k": [1]})
    read, away = notify(user, title="Read", topic="t"), notify(user, title="Away", topic="t")
    read.mark_read()
    away.mark_read()
    away.archive()
    return [new.pk, read.pk, away.pk]


def is_exact(user: User) -> bool:
    """Return whether the counters are what the rows say."""
    inbox = inbox_of(user)
    unread = Notification.objects.for_user(user).unread()
    return (inbox.unread, inbox.unseen) == (unread.count(), unread.filter(modseq__gt=inbox.seen_upto).count())


@pytest.mark.parametrize("action", BULK)
@pytest.mark.parametrize("more", [0, 60])
def test_every_action_can_be_taken_back(program: Program, user: User, other_user: User, action: str, more: int) -> None:
    """Ids, content and times are as they were, for few rows and for many; the counters are exact."""
    ids = three(user)
    for number in range(more):
        sent = notify(user, title=f"More {number}")
        if number % 2:
            sent.mark_read()
            sent.archive()
        ids.append(sent.pk)
    notify(other_user, title="Secret")
    before, others = rows(user), rows(other_user)
    done = program.ask("POST", "notifications/bulk", {"action": action, "ids": ids})
    assert rows(user) != before
    undone = Program(user).ask("POST", "undo", {"token": done["undo"]["token"]})  # another device
    assert (undone["undone"], undone["left"]) == (done["changed"], 0)
    assert (rows(user), rows(other_user)) == (before, others)
    assert is_exact(user)
    assert undone["position"] == inbox_of(user).position


@pytest.mark.parametrize(
    ("path", "body"), [("notifications/read-all", {"up_to": 10**9}), ("topics/read", {"topic": "t"})]
)
def test_marking_many_can_be_taken_back(program: Program, user: User, path: str, body: dict[str, Any]) -> None:
    """What was unread is unread again, what was read before stays read, and what was sent since is not touched."""
    three(user)
    for _ in range(60):
        notify(user, title="Same", topic="t")
    before = rows(user)
    done = program.ask("POST", path, body)
    late = notify(user, title="Late")
    undone = program.ask("POST", "undo", {"token": done["undo"]["token"]})
    assert (undone["undone"], undone["left"]) == (done["changed"], 0)
    assert rows(user)[:-1] == before
    assert not Notification.objects.get(pk=late.pk).is_read
    assert is_exact(user)


@pytest.mark.parametrize("action", BULK[:4])
def test_what_changed_since_is_left_alone(program: Program, user: User, action: str) -> None:
    """A row that anyone touched after the action keeps what they made of it, and the answer says so."""
    first, second = (notify(user, title=title) for title in ("First", "Second"))
    if action == "unread":
        Notification.objects.all().mark_read()
    if action == "unarchive":
        Notification.objects.all().archive()
    before = rows(user)
    done = program.ask("POST", "notifications/bulk", {"action": action, "ids": [first.pk, second.pk]})
    Notification.objects.filter(pk=second.pk).update(title="Edited")
    edited = rows(user)[1]
    undone = program.ask("POST", "undo", {"token": done["undo"]["token"]})
    assert (undone["undone"], undone["left"]) == (1, 1)
    assert rows(user) == [before[0], edited]


@pytest.mark.parametrize("more", [0, 60])
def test_archiving_all_can_be_taken_back(user: User, more: int) -> None:
    """What was unread is unread again, and what was read keeps the time at which it was."""
    three(user)
    for number in range(more):
        sent = notify(user, title=f"More {number}")
        if number % 2:
            sent.mark_read()
    before, inbox = rows(user), inbox_of(user)
    done = actions.apply_action_upto(user, "archive", inbox.modseq)
    assert (done.changed, done.inbox.unread) == (2 + more, 0)
    undone = undo.undo_action(user, str(done.token))
    assert (undone.undone, undone.left) == (done.changed, 0)
    assert rows(user) == before
    assert is_exact(user)


def test_taking_unread_back_archives_again(user: User) -> None:
    """What was marked as unread in the archive is there again, read when it was."""
    ids = three(user)
    notify(user, title="Only archived").archive()
    Notification.objects.filter(title="Only archived").update(read_at=None)  # as a site may write it
    ids.append(Notification.objects.latest("pk").pk)
    before = rows(user)
    done = actions.apply_action(user, "unread", ids)
    assert (done.changed, done.inbox.unread) == (3, 4)
    assert undo.undo_action(user, str(done.token)).undone == 3
    assert rows(user) == before
    assert is_exact(user)


def test_a_token_works_once(program: Program, user: User) -> None:
    """Used again, it finds nothing as it left it: neither a second row, nor a change."""
    for action in BULK:
        ids = three(user)
        done = program.ask("POST", "notifications/bulk", {"action": action, "ids": ids})
        program.ask("POST", "undo", {"token": done["undo"]["token"]})
        before = rows(user), inbox_of(user).modseq
        again = program.ask("POST", "undo", {"token": done["undo"]["token"]})
        assert (again["undone"], again["left"]) == (0, done["changed"])
        assert (rows(user), inbox_of(user).modseq) == before


def test_a_row_that_may_not_be_written_any_more_stays_deleted(program: Program, user: User) -> None:
    """A row that raw SQL made against the rules is no error on its way back: the others return."""
    good, bad = notify(user, title="Good"), notify(user, title="Bad")
    Notification.objects.filter(pk=bad.pk).update_rows(url="javascript:alert(1)")
    done = program.ask("POST", "notifications/bulk", {"action": "delete", "ids": [good.pk, bad.pk]})
    undone = program.ask("POST", "undo", {"token": done["undo"]["token"]})
    assert (undone["undone"], undone["left"]) == (1, 1)
    assert [row["title"] for row in rows(user)] == ["Good"]


def test_too_much_to_keep_is_deleted_without_undo(
    program: Program, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token longer than a request may be is not offered."""
    sent = notify(user, title="One")
    monkeypatch.setattr(undo, "MAX_TOKEN_CHARS", 100)
    done = program.ask("DELETE", f"notifications/{sent.pk}")
    assert (done["changed"], done["undo"]) == (1, None)


def test_ten_seconds(program: Program, user: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Granted ten seconds, `expires_at` is so far from now; until then undo works, after it nothing changes."""
    settings.NOTIFICATIONS_UNDO_SECONDS = 10.0
    sent = notify(user, title="One")
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    done = program.ask("POST", f"notifications/{sent.pk}/read")
    token = {"token": done["undo"]["token"]}
    assert dt.datetime.fromisoformat(done["undo"]["expires_at"]) == now + dt.timedelta(seconds=10)
    before = rows(user)
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(seconds=10.001))
    status, error = program.refused("POST", "undo", token)
    assert (status, error["code"], error["field"]) == (410, "undo_expired", "token")
    assert rows(user) == before
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(seconds=10))
    assert program.ask("POST", "undo", token)["undone"] == 1


def test_the_setting_says_how_long(
    program: Program, user: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTIFICATIONS_UNDO_SECONDS grants more or less time; who comes too late is told how much the token had."""
    settings.NOTIFICATIONS_UNDO_SECONDS = 30.0
    sent = notify(user, title="One")
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    of_api = program.ask("POST", f"notifications/{sent.pk}/read")["undo"]
    assert dt.datetime.fromisoformat(of_api["expires_at"]) == now + dt.timedelta(seconds=30)
    of_page = actions.apply_action(user, "unread", [sent.pk], seconds=60.0)
    settings.NOTIFICATIONS_UNDO_SECONDS = 10.0
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(seconds=61))
    for token, seconds in ((of_api["token"], 30), (of_page.token, 60)):
        status, error = program.refused("POST", "undo", {"token": token})
        assert (status, error["message"]) == (410, f"An action can be undone for {seconds} seconds only.")


def test_another_history(program: Program, user: User) -> None:
    """After a backup was put back, numbers may mean other changes, so a token of before is refused."""
    sent = notify(user, title="One")
    done = program.ask("POST", f"notifications/{sent.pk}/read")
    Inbox.objects.filter(pk=user.pk).update(epoch=1)
    status, error = program.refused("POST", "undo", {"token": done["undo"]["token"]})
    assert (status, error["code"]) == (410, "undo_expired")


def test_a_token_is_its_users_alone(program: Program, user: User, other_user: User) -> None:
    """Another user's token is refused like one that was altered, and touches neither."""
    mine, theirs = notify(user, title="Mine"), notify(other_user, title="Theirs")
    done = program.ask("DELETE", f"notifications/{mine.pk}")
    before = rows(user), rows(other_user)
    status, error = Program(other_user).refused("POST", "undo", {"token": done["undo"]["token"]})
    assert (status, error["code"], error["field"]) == (422, "bad_token", "token")
    assert (rows(user), rows(other_user)) == before
    assert theirs.title == "Theirs"


def test_a_token_cannot_be_made_or_altered(program: Program, user: User) -> None:
    """Only what this server signed for this purpose is a token."""
    sent = notify(user, title="One")
    token = program.ask("POST", f"notifications/{sent.pk}/read")["undo"]["token"]
    other_purpose = signing.dumps({"rows": []}, salt="something.else")
    for bad in ("x", "::", token[:-1], "A" + token, token.replace(":", "."), token.swapcase(), other_purpose):
        status, error = program.refused("POST", "undo", {"token": bad})
        assert (status, error["code"]) == (422, "bad_token"), bad


def test_the_inbox_passes_its_check(program: Program, user: User) -> None:
    """After every action and its undo the books are right."""
    for action in BULK:
        done = program.ask("POST", "notifications/bulk", {"action": action, "ids": three(user)})
        program.ask("POST", "undo", {"token": done["undo"]["token"]})
    call_command("check_inboxes", verbosity=0)  # raises SystemExit where one is wrong


def test_a_site_may_wrap_requests_in_transactions(
    program: Program, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ATOMIC_REQUESTS a refusal still changes nothing, and undo is as exact."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    ids = three(user)
    before = rows(user)
    assert program.refused("POST", "notifications/bulk", {"action": "delete", "ids": [*ids, 999_999]})[0] == 404
    assert rows(user) == before
    for action in BULK:
        done = program.ask("POST", "notifications/bulk", {"action": action, "ids": ids})
        undone = program.ask("POST", "undo", {"token": done["undo"]["token"]})
        assert (undone["undone"], undone["left"]) == (done["changed"], 0)
        assert rows(user) == before
