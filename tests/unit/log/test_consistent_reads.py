"""One state at each read: every kind of write, put between every two statements of every kind of reader.

Whatever commits while somebody reads, a client that goes on from what it was given, with every doorbell after it, ends
where the database is. The client is written from `docs/protocol.md` and knows nothing of the log but what it is told.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client as Visitor
from django.utils import timezone
from django_eventstream.storage import EventDoesNotExist
from pytest_django import Settings

from notifications import mark_all_read, mark_seen, mark_topic_read, notify, notify_many
from notifications.integrations.eventstream import LogStorage
from notifications.integrations.eventstream.channels import (
    decode_position as position_in,
    encode_position,
    name_inbox_channel,
)
from notifications.integrations.pushpin.handler import build_body
from notifications.log.replay import inbox_of, read_after
from notifications.models import Inbox, Notification
from notifications.operations.prune import Policy, prune
from notifications.operations.repair import renew_epochs
from notifications.protocol.payloads import build_payload
from notifications.protocol.position import Position, parse_position
from notifications.reading import actions
from notifications.reading.undo import undo_action
from tests.support.ledger import Rung

serial = itertools.count()
LAST_YEAR: Final = dt.timedelta(days=365)


# --- a client, from docs/protocol.md


@dataclass
class Reader:
    """What a page knows of its reader's inbox."""

    user: User
    visitor: Visitor
    epoch: int = 0
    modseq: int = 0
    unread: int = 0
    unseen: int = 0
    items: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def position(self) -> Position | None:
        return Position(self.epoch, self.modseq) if self.epoch else None

    def show(self, items: list[Any], position: str, unread: int, unseen: int) -> None:
        """Stand where a page or an answer of the API stands."""
        epoch, modseq = position.split(".")
        self.epoch, self.modseq, self.unread, self.unseen = int(epoch), int(modseq), unread, unseen
        self.items = {item["id"]: json.loads(json.dumps(item)) for item in items}

    def reset(self, data: dict[str, Any]) -> None:
        """Replace everything by a snapshot."""
        snapshot = data["snapshot"]
        self.show(snapshot["items"], f"{data['epoch']}.{data['modseq']}", snapshot["unread"], snapshot["unseen"])

    def change(self, epoch: int, data: dict[str, Any]) -> bool:
        """Apply a frame if it is new; return False for a gap."""
        if epoch != self.epoch or data["prev"] > self.modseq:
            return False
        if data["modseq"] <= self.modseq:
            return True
        if "read_upto" in data:
            for item in self.items.values():
                if not item["read_at"] and not item["archived_at"] and item["modseq"] <= data["read_upto"]:
                    item |= {"read_at": data["read_at"], "modseq": data["modseq"]}
        self.items |= {item["id"]: item for item in data["upsert"]}
        for pk in data["gone"]:
            self.items.pop(pk, None)
        self.modseq, self.unread, self.unseen = data["modseq"], data["unread"], data["unseen"]
        return True

    def events(self, text: str) -> None:
        """Take in frames as they come over the wire."""
        for block in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
            if fields.get("event") == "reset":
                self.reset(json.loads(fields["data"]))
            elif fields.get("event") == "change":
                assert self.change(int(fields["id"].split(".")[0]), json.loads(fields["data"])), fields


# --- the readers: each takes in what it is given, from where it stands


def replay(reader: Reader) -> None:
    """What a stream, a socket and an edge send to a client that comes back."""
    told = read_after({reader.user.pk: [reader.position]}).get((reader.user.pk, reader.position))
    if told is not None:
        body, stands = build_body(told, reader.position, needs_hello=True, is_malformed=False)
        reader.events(body.decode())
        assert stands == reader.position


def snapshot(reader: Reader) -> None:
    """What a client gets that comes from nowhere."""
    reader.epoch = 0
    replay(reader)


def page(reader: Reader) -> None:
    """The centre."""
    response = reader.visitor.get("/notifications/")
    if response.status_code == 200:
        inbox = response.context["notification_inbox"]
        items = [build_payload(row) for row in response.context["items"]]
        reader.show(items, inbox.position, inbox.unread, inbox.unseen)


def listed(reader: Reader) -> None:
    """The list of the JSON API."""
    response = reader.visitor.get("/notifications/api/notifications?limit=20")
    if response.status_code == 200:
        content = response.json()
        reader.show(content["items"], content["position"], content["unread"], content["unseen"])


def changes(reader: Reader) -> None:
    """The API's question for what changed."""
    response = reader.visitor.get(f"/notifications/api/changes?since={reader.position or ''}")
    if response.status_code == 200:
        content = response.json()
        if content["reset"]:
            reader.reset(content["reset"])
        for data in content["changes"]:
            assert reader.change(reader.epoch, data), data


def bridge(reader: Reader) -> None:
    """A stream of django-eventstream, whose page is read again after a reset."""
    channel, position = name_inbox_channel(reader.user.pk), reader.position
    try:
        events = LogStorage().get_events(channel, encode_position(position) if position else 0)
    except EventDoesNotExist:
        page(reader)
    else:
        for event in events:
            assert reader.change(position_in(event.id).epoch, json.loads(event.data)), event.data


READERS: Final[list[Callable[[Reader], None]]] = [replay, snapshot, page, listed, changes, bridge]


# --- the writes


def row_of(user: User, title: str) -> Any:
    """Return a user's row with a title, as a queryset."""
    return Notification.objects.filter(recipient=user, title=title)


def several(user: User) -> None:
    """Do different things in one transaction."""
    with transaction.atomic():
        notify(user, title="of several")
        row_of(user, "unread").mark_read()
        row_of(user, "read").delete()
        mark_seen(user)


def undone(user: User) -> None:
    """Delete one and take that back."""
    pk = row_of(user, "unread").get().pk
    undo_action(user, str(actions.apply_action(user, "delete", [pk]).token))


def read_and_more(user: User) -> None:
    """Mark all as read twice, with changes in between."""
    mark_all_read(user)
    row_of(user, "unread").mark_unread()
    notify(user, title="after all were read")
    mark_all_read(user)


def delete_user(user: User) -> None:
    """Delete the user, inbox and all."""
    User.objects.get(pk=user.pk).delete()


WRITES: Final[dict[str, Callable[[User], Any]]] = {
    "create": lambda user: notify(user, title="new"),
    "amend": lambda user: row_of(user, "missed").update(title="amended"),
    "read": lambda user: row_of(user, "missed").mark_read(),
    "unread": lambda user: row_of(user, "read").mark_unread(),
    "archive": lambda user: row_of(user, "missed").archive(),
    "unarchive": lambda user: row_of(user, "archived").unarchive(),
    "delete": lambda user: row_of(user, "missed").delete(),
    "mark_all_read": mark_all_read,
    "mark_all_read up to": lambda user: mark_all_read(user, up_to=inbox_of(user).modseq - 1),
    "mark_topic_read": lambda user: mark_topic_read(user, "report:1"),
    "mark_seen": mark_seen,
    "notify_many": lambda user: notify_many([user], title="of many"),
    "bulk": lambda user: Notification.objects.bulk_create([Notification(recipient=user, title="b") for _ in range(5)]),
    "several": several,
    "undo": undone,
    "read and more": read_and_more,
    "prune": lambda user: list(prune(Policy(before=timezone.now() - LAST_YEAR), using="default", user_ids=[user.pk])),
    "renew": lambda user: renew_epochs("default", [user.pk]),
    "delete user": delete_user,
}


def world() -> Reader:
    """Return somebody's page, which was closed a while ago; something happened meanwhile."""
    user = User.objects.create(username=f"reader {next(serial)}")
    row = notify(user, title="unread", topic="report:1")
    notify(user, title="read").mark_read()
    notify(user, title="archived").archive()
    Notification(recipient=user, title="old", created_at=timezone.now() - 2 * LAST_YEAR).save()
    row_of(user, "old").mark_read()
    reader = Reader(user, Visitor(raise_request_exception=False))
    reader.visitor.force_login(user)
    snapshot(reader)
    row.mark_unread()
    notify(user, title="missed", topic="report:1")
    mark_seen(user)
    notify(user, title="missed, too")
    return reader


class Interference:
    """Lets a write happen before one of this connection's statements about notifications."""

    def __init__(self, write: Callable[[], Any], *, before: int) -> None:
        self.write = write
        self.before = before
        self.count = 0
        self.happened = False

    def __call__(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if not self.happened and "notifications_" in sql:
            if self.count == self.before:
                self.happened = True
                self.write()
            self.count += 1
        return execute(sql, parameters, many, context)


def assert_exact(reader: Reader) -> None:
    """Assert that a page shows what the database holds; archived ones it may know or not."""
    inbox = Inbox.objects.get(pk=reader.user.pk)
    mine = (reader.epoch, reader.modseq, reader.unread, reader.unseen)
    assert mine == (inbox.epoch, inbox.modseq, inbox.unread, inbox.unseen)
    stored = {row.pk: json.loads(json.dumps(build_payload(row))) for row in Notification.objects.for_user(reader.user)}
    shown = {pk: item for pk, item in reader.items.items() if not item["archived_at"]}
    assert shown == {pk: item for pk, item in stored.items() if not item["archived_at"]}


def listen(reader: Reader, rung: Rung, read: Callable[[Reader], None]) -> None:
    """Take in what rang, and read where it leaves a gap; at last as the sweeper does."""
    for change in rung.of(reader.user):
        is_old = change.epoch == reader.epoch and change.modseq <= reader.modseq
        continues = (change.epoch, change.prev) == (reader.epoch, reader.modseq) and change.data is not None
        if not is_old and not (continues and reader.change(change.epoch, json.loads(str(change.data)))):
            read(reader)
    rung.changes.clear()
    if reader.position != parse_position(inbox_of(reader.user).position):
        read(reader)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_whatever_commits_while_somebody_reads(
    read: Callable[[Reader], None], write: str, rung: Rung, other_user: User, settings: Settings
) -> None:
    """Before each statement in turn: nothing is missed, and what is marked as read afterwards was told."""
    settings.EVENTSTREAM_CHANNELMANAGER_CLASS = "notifications.integrations.eventstream.LogChannelManager"
    notify(other_user, title="secret")
    for before in itertools.count():
        reader = world()
        rung.changes.clear()
        interference = Interference(partial(WRITES[write], reader.user), before=before)
        with connection.execute_wrapper(interference):
            read(reader)
        if not User.objects.filter(pk=reader.user.pk).exists():
            continue
        listen(reader, rung, read)
        assert_exact(reader)
        mark_all_read(reader.user)
        notify(reader.user, title="the last")
        listen(reader, rung, read)
        assert_exact(reader)
        assert "secret" not in str(reader.items)
        if not interference.happened:
            assert before > 0
            return


def narrowed(reader: Reader) -> None:
    """The list of the JSON API, of one level."""
    response = reader.visitor.get("/notifications/api/notifications?limit=20&level=info")
    if response.status_code == 200:
        content = response.json()
        reader.show(content["items"], content["position"], content["unread"], content["unseen"])


def stands(user: User) -> Any:
    """Return the log and what a list shows of it, as the database holds them."""
    inbox = Inbox.objects.filter(pk=user.pk).first()
    rows = Notification.objects.for_user(user).active()
    items = {row.pk: json.loads(json.dumps(build_payload(row))) for row in rows}
    return inbox and (inbox.epoch, inbox.modseq, inbox.unread, inbox.unseen, items)


@pytest.mark.parametrize("write", [write for write in WRITES if write != "delete user"])
@pytest.mark.parametrize("read", [page, listed, narrowed], ids=lambda read: read.__name__)
def test_a_page_is_one_state(read: Callable[[Reader], None], write: str) -> None:
    """What is written before any of its statements is in position, counters and rows of a page, or in none of them."""
    for before in itertools.count():
        reader = world()
        interference = Interference(partial(WRITES[write], reader.user), before=before)
        states = [stands(reader.user)]
        with connection.execute_wrapper(interference):
            read(reader)
        states.append(stands(reader.user))
        assert (reader.epoch, reader.modseq, reader.unread, reader.unseen, reader.items) in states
        if not interference.happened:
            assert before > 0
            return
