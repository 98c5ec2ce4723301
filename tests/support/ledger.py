"""What tests of the log compare with: a recount of an inbox, what rang, and a client that only knows what it was told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import transaction

from notifications.log.doorbell import Change
from notifications.log.replay import inbox_of, read_for
from notifications.models import Inbox, Notification
from notifications.protocol.payloads import build_payload
from notifications.protocol.position import Position

from .replica import Replica

__all__ = [
    "Client",
    "Rung",
    "Undone",
    "assert_exact",
    "heard",
    "rows_as_told",
    "standing",
    "titles_of",
    "undo",
    "undone",
]


class Rung:
    """Stands where the doorbell would be, and keeps what rings."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.listeners: list[Callable[[Change], None]] = []
        self._guard = threading.Lock()

    def ring(self, changes: list[Change]) -> None:
        """Take the changes of one commit."""
        with self._guard:
            self.changes += changes
            for change in changes:
                for listener in self.listeners:
                    listener(change)

    def of(self, user: Any) -> list[Change]:
        """Return what rang for one user."""
        return [change for change in self.changes if change.user == str(user.pk)]


class Client(Replica):
    """One page of one user: it applies what rings and continues from where it stands, else it reads the log."""

    def __init__(self, user: Any) -> None:
        super().__init__()
        self.user_id = user.pk
        self.reads = self.resets = 0
        self.read()
        self.reads = self.resets = 0

    def hear(self, change: Change) -> None:
        """Take in what rang: nothing of another user's."""
        if change.user != str(self.user_id) or (change.epoch == self.epoch and change.modseq <= self.modseq):
            return
        if change.data is None or change.epoch != self.epoch or change.prev != self.modseq:
            self.read()
        else:
            self.apply(json.loads(change.data))

    def read(self) -> None:
        """Ask the log, as a stream does that lost its place."""
        self.reads += 1
        position = Position(self.epoch, self.modseq) if self.epoch else None
        replay = read_for(self.user_id, position)
        assert replay is not None
        if replay.snapshot is not None:
            self.resets += 1
            epoch, modseq = replay.head.epoch, replay.head.modseq
            reason = "ahead" if epoch == self.epoch and modseq < self.modseq else "behind"
            reset = {"epoch": epoch, "modseq": modseq, "reason": reason, "snapshot": replay.snapshot}
            self.take("reset", f"{epoch}.{modseq}", reset)
        for _modseq, data in replay.changes:
            self.apply(json.loads(data))

    def apply(self, change: dict[str, Any]) -> None:
        """Apply one frame, which must continue just from here."""
        assert change["prev"] == self.modseq
        self.take("change", f"{self.epoch}.{change['modseq']}", change)
        assert not self.problems, self.problems

    def assert_up_to_date(self) -> None:
        """Compare with the database: what it shows (a snapshot does not tell archived rows), counters, position."""
        inbox = Inbox.objects.get(pk=self.user_id)
        mine = self.epoch, self.modseq, self.unread, self.unseen
        assert mine == (inbox.epoch, inbox.modseq, inbox.unread, inbox.unseen)
        stored = rows_as_told(self.user_id)
        assert active(self.items) == active(stored)
        assert {pk: row for pk, row in self.items.items() if stored.get(pk) != row} == {}


def active(rows: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {pk: row for pk, row in rows.items() if not row["archived_at"]}


def rows_as_told(user_id: Any) -> dict[int, dict[str, Any]]:
    """Return a user's rows in the database as the wire writes them."""
    rows = Notification.objects.filter(recipient_id=user_id)
    return {row.pk: json.loads(json.dumps(build_payload(row))) for row in rows}


def standing(user: Any) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Return everything the database holds of one user, to be compared with what it holds later."""
    inbox: dict[str, Any] = {**Inbox.objects.filter(pk=user.pk).values().get()}
    return inbox, rows_as_told(user.pk)


def assert_exact(*users: Any) -> None:
    """Assert that the counters equal a recount, and that no row is stamped past the head."""
    for user in users:
        inbox = inbox_of(user)
        rows = list(Notification.objects.filter(recipient_id=user.pk))
        unread = [row for row in rows if row.read_at is None and row.archived_at is None]
        assert inbox.unread == len(unread)
        assert inbox.unseen == sum(row.modseq > inbox.seen_upto for row in unread)
        assert all(1 < row.modseq <= inbox.modseq for row in rows)
        assert 1 <= inbox.floor <= inbox.modseq


class Undone(Exception):
    """Rolls a block back on purpose."""


def titles_of(change: Change) -> list[str]:
    """Return the titles of the rows that a change tells."""
    assert change.data is not None
    return [row["title"] for row in json.loads(change.data)["upsert"]]


@contextmanager
def undone(*, savepoint: bool = True) -> Iterator[None]:
    """Roll back what the block wrote."""
    with suppress(Undone), transaction.atomic(savepoint=savepoint):
        yield
        raise Undone


def undo(write: Any, *arguments: Any, **content: Any) -> None:
    """Write within a savepoint that is rolled back."""
    with undone():
        write(*arguments, **content)


def heard(user: Any, rung: Rung, client: Client) -> None:
    """Assert that a client which hears what rang ends where the database is."""
    for change in rung.of(user):
        client.hear(change)
    client.assert_up_to_date()
    assert_exact(user)
