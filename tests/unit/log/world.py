"""The model and the database, led through the same writes: the machinery of `test_log_property.py`."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from notifications import log, notify, notify_many
from notifications.models import Inbox, Notification
from tests.support.ledger import Client, Rung, Undone
from tests.unit.log.model import Log, archive, read, unarchive, unread

__all__ = ["USERS", "VERBS", "Op", "World"]

USERS: Final = 3
FLOOD: Final = 51  # rows in one write, one more than are told
serial = itertools.count()

VERBS: Final = {"mark_read": read, "mark_unread": unread, "archive": archive, "unarchive": unarchive}

Op = tuple[Any, ...]  # (name, *arguments), ("savepoint", nodes, is_undone) or ("transaction", nodes, is_undone)


class World:
    """The model and the database, led through the same writes; clients that hear all, some or nothing."""

    def __init__(self, rung: Rung, heard: Sequence[bool]) -> None:
        names = [f"property-{next(serial)}" for _ in range(USERS)]
        self.users = User.objects.bulk_create([User(username=name) for name in names])
        self.model = Log(USERS)
        self.keys: list[int] = []  # primary keys, in the order of making
        self.rung = rung
        self.clients = [Client(each) for each in self.users]
        self.distracted = [Client(each) for each in self.users]
        self.heard = itertools.cycle(heard or [False])

    def run(self, program: Sequence[Op]) -> None:
        """Run a program, comparing after every commit."""
        for op in program:
            before = list(self.model.modseq)
            self.rung.changes.clear()
            self.block(op) if op[0] in ("transaction", "savepoint") else self.write(op)
            self.model.commit()
            self.compare_database()
            self.compare_doorbell(before)

    def block(self, op: Op) -> None:
        _kind, inner, is_undone = op
        kept = copy.deepcopy((self.model, self.keys))
        try:
            with transaction.atomic():
                for each in inner:
                    self.block(each) if each[0] == "savepoint" else self.write(each)
                if is_undone:
                    raise Undone
        except Undone:
            self.model, self.keys = kept

    def write(self, op: Op) -> None:
        """Do one write to both; what both return must be the same."""
        name, *arguments = op
        getattr(self, name)(*arguments)

    # --- the writes

    def notify(self, user: int) -> None:
        (title,) = self.titles(1)
        self.model.send([user], title)
        self.keys.append(notify(self.users[user], title=title).pk)

    def notify_many(self, users: list[int]) -> None:
        (title,) = self.titles(1)
        self.model.send(sorted(set(users)), title)
        assert notify_many([self.users[user] for user in users], title=title) == len(set(users))
        self.keys += Notification.objects.filter(title=title).order_by("recipient_id").values_list("pk", flat=True)

    def bulk_create(self, users: list[int]) -> None:
        (title,) = self.titles(1)
        self.model.send(users, title)
        rows = Notification.objects.bulk_create(
            [Notification(recipient=self.users[user], title=title) for user in users]
        )
        self.keys += [row.pk for row in rows]

    def flood(self, user: int) -> None:
        self.bulk_create([user] * FLOOD)

    def save(self, pick: int, is_partial: bool) -> None:
        for key in self.pick([pick]):
            (title,) = self.titles(1)
            self.model.change([key], partial(set_title, title=title))
            row = Notification.objects.get(pk=self.keys[key])
            row.title = title
            row.save(update_fields=["title"] if is_partial else None)

    def bulk_update(self, picks: list[int]) -> None:
        keys, (title,) = self.pick(picks), self.titles(1)
        rows = [Notification.objects.get(pk=self.keys[key]) for key in keys]
        for row in rows:
            row.title = title
        changed = self.model.change(keys, lambda row: set_title(row, title))
        assert Notification.objects.bulk_update(rows, ["title"]) == changed

    def update(self, picks: list[int]) -> None:
        keys, (title,) = self.pick(picks), self.titles(1)
        changed = self.model.change(keys, lambda row: set_title(row, title))
        assert self.stored(keys).update(title=title) == changed

    def mark(self, verb: str, picks: list[int]) -> None:
        keys = self.pick(picks)
        changed = self.model.change(keys, VERBS[verb])
        assert getattr(self.stored(keys), verb)() == changed

    def mark_one(self, verb: str, pick: int) -> None:
        for key in self.pick([pick]):
            changed = self.model.change([key], VERBS[verb])
            assert getattr(Notification.objects.get(pk=self.keys[key]), verb)() is bool(changed)

    def delete(self, picks: list[int]) -> None:
        keys = self.pick(picks)
        stored = self.stored(keys)
        assert stored.delete()[0] == self.model.delete(keys)

    def mark_seen(self, user: int) -> None:
        self.model.see(user)
        log.mark_seen(self.users[user])

    def mark_all_read(self, user: int, up_to: int | None) -> None:
        changed = self.model.read_all(user, up_to)
        assert log.mark_all_read(self.users[user], up_to=up_to) == changed

    def titles(self, count: int) -> list[str]:
        return [f"title {next(serial)}" for _ in range(count)]

    def pick(self, picks: list[int]) -> list[int]:
        there = sorted(self.model.rows)
        return sorted({there[pick % len(there)] for pick in picks}) if there else []

    def stored(self, keys: list[int]) -> Any:
        return Notification.objects.filter(pk__in=[self.keys[key] for key in keys])

    # --- the comparison

    def compare_database(self) -> None:
        for number, each in enumerate(self.users):
            inbox = Inbox.objects.get(pk=each.pk)
            found = (inbox.modseq, inbox.floor, inbox.seen_upto, (inbox.unread, inbox.unseen))
            model = self.model
            assert found == (
                model.modseq[number],
                model.floor[number],
                model.seen_upto[number],
                model.counters(number),
            )
            stored = {
                row.pk: (number, row.title, row.modseq, row.is_read, row.is_archived)
                for row in Notification.objects.for_user(each)
            }
            assert stored == {
                self.keys[key]: (row.user, row.title, row.modseq, row.is_read, row.is_archived)
                for key, row in model.rows.items()
                if row.user == number
            }

    def compare_doorbell(self, before: list[int]) -> None:
        """Each user whose log moved was rung for once, from where it stood to where it stands; nobody else was."""
        moved = [
            (str(each.pk), before[number], self.model.modseq[number])
            for number, each in enumerate(self.users)
            if before[number] != self.model.modseq[number]
        ]
        assert sorted(moved) == sorted((change.user, change.prev, change.modseq) for change in self.rung.changes)
        for change in self.rung.changes:
            is_heard = next(self.heard)
            for each in self.clients + (self.distracted if is_heard else []):
                each.hear(change)
        for client in self.clients:
            client.assert_up_to_date()

    def sweep(self) -> None:
        """Let those catch up who missed something."""
        for client in self.distracted + [Client(each) for each in self.users]:
            client.read()
            client.assert_up_to_date()


def set_title(row: Any, title: str) -> bool:
    """Set a title, which counts as a change even where it is the same."""
    row.title = title
    return True
