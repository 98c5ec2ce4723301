"""Public topics: declared, numbered without a gap, kept for a while, and without any user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import OperationalError, models, transaction
from django.test import override_settings

from notifications import BypassesLog, InvalidSetting, UnknownTopic
from notifications.conf import settings
from notifications.log import doorbell
from notifications.models import Inbox, PublicMessage, PublicTopic
from notifications.protocol.position import Position
from notifications.sending import public
from notifications.sending.public import publish_public, read_public, recent_public, text_of
from tests.support.contention import Conflict


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    """Two topics, each of which keeps five messages."""
    with override_settings(NOTIFICATIONS_PUBLIC_TOPICS=["status", "news"], NOTIFICATIONS_PUBLIC_HISTORY=5):
        yield


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[doorbell.Change]:
    """What rings."""
    changes: list[doorbell.Change] = []
    monkeypatch.setattr(doorbell, "ring", changes.extend)
    return changes


@pytest.mark.django_db(transaction=True)
def test_a_conflict_with_another_message_reaches_nobody(
    rung: list[doorbell.Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the database undid for another transaction's sake is written again, once, with the next number.

    Regression: of two that published at once at a stricter isolation level one failed.
    """
    forget, conflicts = public.delete_old, [2]

    def sometimes(head: PublicTopic, using: str) -> None:
        if conflicts[0]:
            conflicts[0] -= 1
            raise OperationalError(1213, "deadlock detected") from Conflict()  # as MariaDB numbers it
        forget(head, using)

    monkeypatch.setattr(public, "delete_old", sometimes)
    message = publish_public("status", title="Mail is slow")
    assert (message.modseq, conflicts) == (1, [0])
    assert [each.pk for each in recent_public("status")] == [message.pk]
    assert [(each.prev, each.modseq) for each in rung] == [(0, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_message_is_kept_and_rings(rung: list[doorbell.Change]) -> None:
    """It has the next number of its topic, and rings after commit with its data and without a user."""
    first = publish_public("status", title="Mail is slow", level="warning", body="We look into it.", url="/status/")
    second = publish_public("status", title="Mail is back", data={"took_minutes": 12})
    publish_public("news", title="Another log")
    assert (first.modseq, second.modseq) == (1, 2)
    assert [message.title for message in recent_public("status")] == ["Mail is back", "Mail is slow"]
    epoch = PublicTopic.objects.get(pk="status").epoch
    assert [(each.user, each.topic, each.prev, each.modseq) for each in rung] == [
        (None, "status", 0, 1),
        (None, "status", 1, 2),
        (None, "news", 0, 1),
    ]
    assert rung[1].epoch == epoch
    assert rung[1].data == text_of(second)
    data = json.loads(text_of(first))
    assert data | {"created_at": ""} == {
        "prev": 0,
        "modseq": 1,
        "topic": "status",
        "level": "warning",
        "title": "Mail is slow",
        "body": "We look into it.",
        "url": "/status/",
        "data": {},
        "created_at": "",
    }


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_told(rung: list[doorbell.Change]) -> None:
    """A transaction that fails leaves no message, no gap in the numbers and no doorbell."""
    publish_public("status", title="One")
    with transaction.atomic():
        publish_public("status", title="Never")
        transaction.set_rollback(True)
    assert publish_public("status", title="Two").modseq == 2
    assert [each.modseq for each in rung] == [1, 2]


def test_an_undeclared_topic_is_refused(db: None) -> None:
    """The error names the setting and what it holds; nothing is written."""
    with pytest.raises(UnknownTopic, match=r"'staus' is not a public topic.*'status', 'news'"):
        publish_public("staus", title="x")
    assert not PublicTopic.objects.exists()


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"title": " "}, "title"),
        ({"level": "loud"}, "level"),
        ({"url": "javascript:x"}, "url"),
        ({"data": []}, "data"),
        ({"body": None}, "body"),
    ],
)
def test_bad_content_is_refused(db: None, content: dict[str, Any], field: str) -> None:
    """What a notification may not hold, a public message may not either; no number is used up."""
    with pytest.raises(ValidationError) as refusal:
        publish_public("status", **{"title": "x", **content})
    assert list(refusal.value.message_dict) == [field]
    assert publish_public("status", title="x").modseq == 1


def test_a_message_cannot_be_saved_past_the_log(db: None) -> None:
    """An instance is not written or changed by itself."""
    message = publish_public("status", title="x")
    message.title = "y"
    with pytest.raises(BypassesLog, match="publish_public"):
        message.save()


def test_history_is_bounded_and_says_so(db: None) -> None:
    """The oldest messages go; who stands before them is told that the log cannot continue."""
    for number in range(8):
        publish_public("status", title=str(number))
    publish_public("news", title="x")
    assert [message.modseq for message in recent_public("status")] == [8, 7, 6, 5, 4]
    epoch = PublicTopic.objects.get(pk="status").epoch
    head, messages = read_public("status", Position(epoch, 3), 100)
    assert head == Position(epoch, 8)
    assert [message.modseq for message in messages or []] == [4, 5, 6, 7, 8]
    for gone in (Position(epoch, 2), Position(0, 0), Position(epoch, 9), Position(epoch + 1, 8)):
        assert read_public("status", gone, 100) == (head, None)


def test_a_restored_backup_gives_topics_new_epochs(user: User) -> None:
    """`renew_epochs` makes every position of a topic one that cannot be continued; for some users only it does not."""
    publish_public("status", title="x")
    position = Position(PublicTopic.objects.get(pk="status").epoch, 1)
    call_command("renew_epochs", "--user", user.pk, verbosity=0)
    assert read_public("status", position, 100)[1] == []
    call_command("renew_epochs", verbosity=0)
    assert read_public("status", position, 100)[1] is None


def test_a_topic_without_messages_can_be_followed(db: None) -> None:
    """Whoever follows a topic before its first message gets that message."""
    assert read_public("status", Position(0, 0), 100) == (Position(0, 0), [])
    message = publish_public("status", title="First")
    assert read_public("status", Position(0, 0), 100)[1] == [message]


def test_the_public_tables_know_no_user() -> None:
    """No field leads from a public message to an inbox, a notification or a user, nor back."""
    related = {
        field.related_model
        for model in (PublicMessage, PublicTopic)
        for field in model._meta.get_fields()
        if field.is_relation
    }
    assert related == {PublicMessage, PublicTopic}
    assert not any(
        isinstance(field, models.ForeignKey) and field.name != "topic" for field in PublicMessage._meta.fields
    )
    assert Inbox not in related


@pytest.mark.parametrize("topics", [["Status"], ["user 7"], ["a,b"], ["-"], [7], ["x" * 51], [""], "status"])
def test_names_of_topics_are_slugs(topics: Any) -> None:
    """A name that a channel could not carry is refused by the setting."""
    with override_settings(NOTIFICATIONS_PUBLIC_TOPICS=topics), pytest.raises(InvalidSetting):
        _ = settings.public_topics
