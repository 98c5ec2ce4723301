"""Telling users: one, many or all, by instance or by key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from notifications import Level
from notifications.models import Inbox, Notification
from notifications.sending import publish
from notifications.sending.publish import Content, abroadcast, anotify, anotify_many, broadcast, notify, notify_many
from tests.support.ledger import Rung, assert_exact


@pytest.fixture(autouse=True)
def db(committing: None) -> None:
    """Let tests commit."""


@pytest.fixture(autouse=True)
def rung(ledger: Rung) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    return ledger


EVERYTHING: Content = {
    "body": "Text",
    "url": "/exports/7/",
    "level": "success",
    "category": "exports",
    "actor": "Ada",
    "topic": "exports.export:7",
    "data": {"pages": [1, 2]},
}


def test_notify_returns_what_it_stored(user: User) -> None:
    """A saved notification with everything that was said, unread, in this user's inbox."""
    sent = notify(user, title="Ready", **EVERYTHING)
    stored = Notification.objects.get(pk=sent.pk)
    for row in (sent, stored):
        assert (row.recipient_id, row.title) == (user.pk, "Ready")
        assert {name: getattr(row, name) for name in EVERYTHING} == EVERYTHING
        assert (row.read_at, row.archived_at, row.modseq) == (None, None, 2)


def test_what_is_left_out_has_a_default(user: User) -> None:
    """A title is enough."""
    row = notify(user, title="Ready")
    assert (row.level, row.category, row.body, row.url, row.data) == (Level.INFO, "general", "", "", {})
    assert notify(user, title="Ready", data=None).data == {}  # type: ignore[arg-type]


FORMS: dict[str, Any] = {
    "instance": lambda user: user,
    "lazy": lambda user: SimpleLazyObject(lambda: user),
    "key": lambda user: user.pk,
    "text": lambda user: str(user.pk),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_user_may_be_given_in_many_forms(user: User, form: Any) -> None:
    """An instance, `request.user`, a key, and a key as text."""
    notify(form(user), title="one")
    notify_many([form(user)], title="two")
    Notification.objects.create(recipient_id=user.pk, title="three")
    assert Inbox.objects.get(pk=user.pk).unread == 3


def test_a_key_as_text_is_a_key(user: User) -> None:
    """Regression: `recipient_id="7"` was refused because no user had the key '7'."""
    row = Notification(recipient_id=str(user.pk), title="new")
    row.save()
    assert row.recipient_id == user.pk
    Notification.objects.bulk_create([Notification(recipient_id=str(user.pk), title="new")])
    assert_exact(user)


@pytest.mark.parametrize(
    "nobody", [None, AnonymousUser(), User(username="unsaved")], ids=["none", "anonymous", "unsaved"]
)
def test_nobody_is_refused(nobody: Any) -> None:
    """The error says what to pass instead."""
    with pytest.raises(ValueError, match="is not a saved user; pass a user from the database or a primary key"):
        notify(nobody, title="new")


def test_a_user_who_does_not_exist_is_refused(user: User) -> None:
    """By key; of a chunk with such a user nothing is sent."""
    for write in (lambda: notify(2**40, title="new"), lambda: notify_many([user, 2**40], title="new")):
        with pytest.raises(ValidationError, match=f"No user has the key {2**40}; send to existing users only"):
            write()
    assert not Notification.objects.exists()


@pytest.mark.parametrize("key", [2**63, 2**70, -(2**70), str(2**70)], ids=["64 bits", "70", "below", "text"])
def test_a_key_that_no_column_holds_is_refused(key: Any, user: User) -> None:
    """As a user who does not exist is, in words. Regression: an OverflowError of SQLite's."""
    for write in (lambda: notify(key, title="new"), lambda: notify_many([user, key], title="new")):
        with pytest.raises(ValidationError, match="is not a user’s key; pass a user from the database"):
            write()
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    "write", [notify, lambda user, **words: notify_many([user], **words)], ids=["notify", "notify_many"]
)
def test_a_word_that_means_nothing_is_refused(write: Any, user: User) -> None:
    """A typing error in a keyword is no silent loss; the error lists what there is."""
    with pytest.raises(TypeError, match=r"has no 'txt'; give title and any of body, url"):
        write(user, title="new", txt="lost")
    with pytest.raises(TypeError, match="has no 'modseq'"):
        write(user, title="new", modseq=7)


def test_many_are_told_once_each(user: User, other_user: User, rung: Rung) -> None:
    """Users given twice, as instance and key, from a generator: one notification each, in one doorbell for all."""
    assert notify_many((each for each in (other_user, user, user.pk)), title="new") == 2
    assert [change.user for change in rung.changes] == [str(user.pk), str(other_user.pk)]
    assert_exact(user, other_user)
    assert notify_many(User.objects.order_by("-pk"), title="new") == 2


def test_many_are_told_in_portions(monkeypatch: pytest.MonkeyPatch, rung: Rung) -> None:
    """A failure in a later transaction leaves the earlier ones sent; within `atomic()` it is all or nothing."""
    monkeypatch.setattr(publish, "USERS_PER_TRANSACTION", 2)
    users = [User.objects.create(username=f"many{n}") for n in range(5)]
    assert notify_many(users, title="new") == 5
    with pytest.raises(ValidationError):
        notify_many([*users, 2**40], title="again")
    assert Notification.objects.filter(title="again").count() == 4
    rung.changes.clear()
    with pytest.raises(ValidationError), transaction.atomic():
        notify_many([*users, 2**40], title="all or nothing")
    assert not Notification.objects.filter(title="all or nothing").exists()
    assert rung.changes == []


def test_many_are_told_as_one_would_be(user: User, other_user: User, rung: Rung) -> None:
    """The content is cleaned for each: a lazy translation is text by the time it rings.

    Regression: only the first row was cleaned, and no doorbell of the others could be written as JSON.
    """
    assert notify_many([user, other_user], title=gettext_lazy("Title"), **EVERYTHING) == 2  # type: ignore[arg-type]
    told = [json.loads(change.data or "{}")["upsert"][0] for change in rung.changes]
    assert [row["title"] for row in told] == ["Title", "Title"]
    assert told[1] | {"id": 0, "created_at": ""} == told[0] | {"id": 0, "created_at": ""}


def test_a_broadcast_reaches_who_is_active(user: User, other_user: User) -> None:
    """Everybody who can log in, or exactly the audience given."""
    gone = User.objects.create(username="gone", is_active=False)
    assert broadcast(title="new") == 2
    assert broadcast(title="new", audience=User.objects.filter(pk__in=[gone.pk, user.pk])) == 2
    assert broadcast(title="new", audience=User.objects.none()) == 0
    counts = {row.pk: row.unread for row in Inbox.objects.all()}
    assert counts == {user.pk: 2, other_user.pk: 1, gone.pk: 1}


@pytest.mark.parametrize("twin", [anotify, anotify_many, abroadcast], ids=["anotify", "anotify_many", "abroadcast"])
def test_the_async_twins_are_async(twin: Any) -> None:
    """They may be awaited, and say what they do."""
    assert iscoroutinefunction(twin)
