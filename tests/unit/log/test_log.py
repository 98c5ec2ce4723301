"""The log: every write steps a user's `modseq` once, stamps what it touched, keeps the counters, rings after commit.

Each write meets the same inbox of five rows, and a second user who has the same and must not notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from notifications import abroadcast, anotify, anotify_many, broadcast, log, notify, notify_many
from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, assert_exact, standing, undone


@dataclass
class Case:
    """An inbox with every kind of row, seen up to the first two."""

    user: User
    unread: Notification
    unseen: Notification
    read: Notification
    archived: Notification
    archived_read: Notification

    @property
    def mine(self) -> Any:
        return Notification.objects.for_user(self.user)


def fill(user: User) -> Case:
    """Give a user five notifications in every state."""
    now = timezone.now()
    states: list[dict[str, Any]] = [{}, {"read_at": now}, {"archived_at": now}, {"read_at": now, "archived_at": now}]
    rows = [Notification(recipient=user, title="old", topic=f"t:{n}", **state) for n, state in enumerate(states)]
    Notification.objects.bulk_create(rows)
    log.mark_seen(user)
    unseen = notify(user, title="unseen")
    return Case(user, rows[0], unseen, *rows[1:])


@pytest.fixture
def case(user: User, rung: Rung) -> Case:
    """The inbox that is written to; nothing has rung yet."""
    made = fill(user)
    rung.changes.clear()
    return made


@pytest.fixture
def other(other_user: User, rung: Rung) -> User:
    """The user who must not notice."""
    fill(other_user)
    return other_user


def edit(row: Notification, **values: Any) -> Notification:
    """Change an instance without saving it."""
    for name, value in values.items():
        setattr(row, name, value)
    return row


def new(case: Case, title: str = "new") -> Notification:
    """Return an unsaved notification for the case's user."""
    return Notification(recipient=case.user, title=title)


def only(case: Case) -> Any:
    """The audience of a broadcast that leaves the other user alone."""
    return User.objects.filter(pk=case.user.pk)


WRITES: dict[str, Callable[[Case], Any]] = {
    "save a new one": lambda c: new(c).save(),
    "save an edited one": lambda c: edit(c.unread, title="edited").save(),
    "save an edited read one": lambda c: edit(c.read, body="edited").save(),
    "save chosen fields": lambda c: edit(c.unread, title="stored", body="not stored").save(update_fields=["title"]),
    "save an edited state": lambda c: edit(c.unseen, read_at=timezone.now()).save(),
    "create": lambda c: Notification.objects.create(recipient=c.user, title="new"),
    "create a read one": lambda c: Notification.objects.create(recipient=c.user, title="new", read_at=timezone.now()),
    "bulk_create": lambda c: Notification.objects.bulk_create([new(c), new(c, "another")]),
    "bulk_create in batches": lambda c: Notification.objects.bulk_create([new(c) for _ in range(5)], batch_size=2),
    "update": lambda c: c.mine.update(title="edited", level="error"),
    "update the state": lambda c: c.mine.update(read_at=timezone.now(), archived_at=None),
    "bulk_update": lambda c: Notification.objects.bulk_update([edit(r, title="x") for r in c.mine], ["title"]),
    "bulk_update the state": lambda c: Notification.objects.bulk_update(
        [edit(r, read_at=None) for r in c.mine], ["read_at"]
    ),
    "get_or_create": lambda c: Notification.objects.get_or_create(recipient=c.user, topic="t:9", title="new"),
    "update_or_create a new one": lambda c: Notification.objects.update_or_create(
        recipient=c.user, topic="t:9", defaults={"title": "new"}
    ),
    "update_or_create an old one": lambda c: Notification.objects.update_or_create(
        recipient=c.user, topic="t:0", defaults={"title": "edited", "data": {"n": 2}}
    ),
    "delete one": lambda c: c.unseen.delete(),
    "delete an archived one": lambda c: c.archived.delete(),
    "delete some": lambda c: c.mine.unread().delete(),
    "delete all": lambda c: c.mine.delete(),
    "create on the relation": lambda c: c.user.live_notifications.create(title="new"),
    "add on the relation": lambda c: c.user.live_notifications.add(new(c), bulk=False),
    "update on the relation": lambda c: c.user.live_notifications.update(actor="Ada"),
    "update_or_create on the relation": lambda c: c.user.live_notifications.update_or_create(
        topic="t:1", defaults={"actor": "Ada"}
    ),
    "delete on the relation": lambda c: c.user.live_notifications.all().delete(),
    "mark_read one": lambda c: c.unseen.mark_read(),
    "mark_read an archived one": lambda c: c.archived.mark_read(),
    "mark_unread one": lambda c: c.read.mark_unread(),
    "mark_unread an archived one": lambda c: c.archived_read.mark_unread(),
    "archive one": lambda c: c.unread.archive(),
    "unarchive one": lambda c: c.archived.unarchive(),
    "unarchive a read one": lambda c: c.archived_read.unarchive(),
    "mark_read all": lambda c: c.mine.mark_read(),
    "mark_unread all": lambda c: c.mine.mark_unread(),
    "archive all": lambda c: c.mine.archive(),
    "unarchive all": lambda c: c.mine.unarchive(),
    "mark_read a slice": lambda c: c.mine.unread().order_by("id")[:1].mark_read(),
    "delete a slice": lambda c: c.mine.order_by("-id")[1:3].delete(),
    "mark_all_read": lambda c: log.mark_all_read(c.user),
    "mark_all_read up to": lambda c: log.mark_all_read(c.user, up_to=c.unread.modseq),
    "notify": lambda c: notify(c.user, title="new"),
    "notify by key": lambda c: notify(c.user.pk, title="new", data={"a": [1, None]}),
    "notify_many": lambda c: notify_many([c.user, c.user.pk], title="new"),
    "broadcast": lambda c: broadcast(title="new", audience=only(c)),
    "anotify": lambda c: async_to_sync(anotify)(c.user, title="new"),
    "anotify_many": lambda c: async_to_sync(anotify_many)([c.user], title="new"),
    "abroadcast": lambda c: async_to_sync(abroadcast)(title="new", audience=only(c)),
    "asave": lambda c: async_to_sync(edit(c.unread, title="edited").asave)(),
    "adelete": lambda c: async_to_sync(c.unread.adelete)(),
    "acreate": lambda c: async_to_sync(Notification.objects.all().acreate)(recipient=c.user, title="new"),
    "abulk_create": lambda c: async_to_sync(Notification.objects.all().abulk_create)([new(c)]),
    "aupdate": lambda c: async_to_sync(c.mine.aupdate)(title="edited"),
    "abulk_update": lambda c: async_to_sync(Notification.objects.all().abulk_update)(
        [edit(c.read, title="x")], ["title"]
    ),
    "aupdate_or_create": lambda c: async_to_sync(Notification.objects.all().aupdate_or_create)(
        recipient=c.user, topic="t:1", defaults={"title": "edited"}
    ),
    "adelete all": lambda c: async_to_sync(c.mine.adelete)(),
}

NOTHING: dict[str, Callable[[Case], Any]] = {
    "mark_read a read one": lambda c: c.read.mark_read(),
    "mark_unread an unread one": lambda c: c.unread.mark_unread(),
    "archive an archived one": lambda c: c.archived.archive(),
    "unarchive an active one": lambda c: c.unread.unarchive(),
    "mark_read nothing": lambda c: c.mine.none().mark_read(),
    "mark_read an empty slice": lambda c: c.mine[9:].mark_read(),
    "delete nothing": lambda c: c.mine.filter(title="no such").delete(),
    "bulk_create nothing": lambda c: Notification.objects.bulk_create([]),
    "bulk_update nothing": lambda c: Notification.objects.bulk_update([], ["title"]),
    "notify_many nobody": lambda c: notify_many([], title="new"),
    "mark_all_read up to the beginning": lambda c: log.mark_all_read(c.user, up_to=0),
    "save no fields": lambda c: c.unread.save(update_fields=[]),
    "get_or_create an old one": lambda c: Notification.objects.get_or_create(recipient=c.user, topic="t:1"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_is_one_step_of_the_log(write: Callable[[Case], Any], case: Case, other: User, rung: Rung) -> None:
    """One `modseq` for all rows touched and for no other, counters as counted, the floor raised by deletes only."""
    rung.changes.clear()
    before, old = standing(case.user)
    others = standing(other)

    write(case)

    after, rows = standing(case.user)
    deleted = old.keys() - rows.keys()
    touched = {pk for pk in rows if rows[pk] != old.get(pk)}
    assert touched or deleted
    assert after["modseq"] == before["modseq"] + 1
    assert {rows[pk]["modseq"] for pk in touched} <= {after["modseq"]}
    assert after["floor"] == (after["modseq"] if deleted else before["floor"])
    assert (after["epoch"], after["seen_upto"]) == (before["epoch"], before["seen_upto"])
    assert_exact(case.user)
    assert standing(other) == others
    assert not rung.of(other)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_rings_once_with_all_that_it_changed(
    write: Callable[[Case], Any], case: Case, other: User, rung: Rung
) -> None:
    """After commit a client that stands just before the change needs nothing else to be up to date."""
    clients = [Client(case.user), Client(other)]
    rung.changes.clear()
    rung.listeners = [client.hear for client in clients]

    write(case)

    (change,) = rung.changes
    inbox = Inbox.objects.get(pk=case.user.pk)
    assert (change.user, change.epoch) == (str(case.user.pk), inbox.epoch)
    assert (change.prev, change.modseq) == (inbox.modseq - 1, inbox.modseq)
    for client in clients:
        client.assert_up_to_date()
        assert client.reads == 0


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_writes_of_one_transaction_are_one_step(write: Callable[[Case], Any], case: Case, rung: Rung) -> None:
    """Written with others in one transaction, each joins the step; what rings is still the whole truth."""
    client = Client(case.user)
    before = Inbox.objects.get(pk=case.user.pk).modseq
    with transaction.atomic():
        notify(case.user, title="first")
        write(case)
        notify(case.user, title="last").mark_read()
        assert rung.changes == []
    assert Inbox.objects.get(pk=case.user.pk).modseq == before + 1
    assert_exact(case.user)
    (change,) = rung.changes
    assert (change.prev, change.modseq) == (before, before + 1)
    client.hear(change)
    client.assert_up_to_date()


@pytest.mark.parametrize("write", [*WRITES.values(), *NOTHING.values()], ids=[*WRITES, *NOTHING])
def test_a_write_that_is_rolled_back_leaves_nothing(write: Callable[[Case], Any], case: Case, rung: Rung) -> None:
    """A transaction that fails rings nothing and moves nothing."""
    before = standing(case.user)
    with undone():
        write(case)
    assert rung.changes == []
    assert standing(case.user) == before


@pytest.mark.parametrize("write", NOTHING.values(), ids=NOTHING.keys())
def test_a_write_that_changes_nothing_steps_nothing(write: Callable[[Case], Any], case: Case, rung: Rung) -> None:
    """Where no row changes, `modseq` stays and nothing rings."""
    before = standing(case.user)
    write(case)
    assert standing(case.user) == before
    assert rung.changes == []
