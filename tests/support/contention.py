"""Many writers at once, each in one of the patterns that sites have, beside chunks of broadcasts.

Receives how many transactions each writer makes, or for how long. Guarantees that what one of them raises reaches the
caller, and offers two checks that share no code with the app: the database's own count of deadlocks, and SQL that counts.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db import connection, connections, transaction

from notifications import lock_inbox, notify, notify_many, order_broadcast
from notifications.broadcasts.leases import claim_lease
from notifications.broadcasts.sending import write_chunk
from notifications.models import Broadcast, Notification

__all__ = ["Conflict", "Contention", "at_level", "count_deadlocks", "find_miscounts"]

WRITERS: Final = 8
USERS: Final = 6
LIMIT_SECONDS: Final = 150.0  # for those who were not given a time
MISCOUNTS: Final = """
    SELECT i.user_id FROM live_notifications_inbox i
    LEFT JOIN (
        SELECT recipient_id, MAX(modseq) AS top,
               SUM(CASE WHEN read_at IS NULL AND archived_at IS NULL THEN 1 ELSE 0 END) AS unread
        FROM live_notifications_notification GROUP BY recipient_id
    ) n ON n.recipient_id = i.user_id
    WHERE i.unread <> COALESCE(n.unread, 0) OR i.modseq < COALESCE(n.top, 0) OR i.floor > i.modseq OR i.unseen > i.unread
"""


class Conflict(Exception):
    """What a driver raises for a deadlock, by PostgreSQL's and by SQLite's name."""

    sqlstate = "40P01"
    sqlite_errorcode = 5


class Contention:
    """Eight writers on six users; each transaction is a pattern drawn at random."""

    def __init__(self, *, transactions: int | None, seconds: float | None) -> None:
        self._transactions = transactions
        self._seconds = seconds
        self.done = 0
        self._is_sending = threading.Lock()
        self._users = User.objects.bulk_create([User(username=f"contended{number}") for number in range(USERS)])
        self._group = Group.objects.create(name="a row of the site")
        order_broadcast(Broadcast.objects.create(title="to all"))
        self._lease: Any = claim_lease("contention")

    def run(self) -> None:
        """Have all writers write; raise what the first of them raised."""
        until = time.monotonic() + (self._seconds or LIMIT_SECONDS)
        with ThreadPoolExecutor(WRITERS) as pool:
            futures = [pool.submit(self._write, random.Random(seed), until) for seed in range(WRITERS)]
            for future in futures:
                self.done += future.result()

    def _write(self, rng: random.Random, until: float) -> int:
        patterns: list[Callable[[random.Random], None]] = [
            self._plain,
            self._user_first,
            self._site_first,
            self._site_last,
            self._notification_first,
            self._mark,
            self._many,
            self._delete,
            self._chunk,
        ]
        done = 0
        try:
            while time.monotonic() < until and (self._transactions is None or done < self._transactions):
                rng.choice(patterns)(rng)
                done += 1
        finally:
            connections.close_all()
        return done

    def _plain(self, rng: random.Random) -> None:
        notify(rng.choice(self._users), title="plain")

    def _user_first(self, rng: random.Random) -> None:
        user = rng.choice(self._users)
        with transaction.atomic():
            User.objects.select_for_update().get(pk=user.pk)
            notify(user, title="user first")

    def _site_last(self, rng: random.Random) -> None:
        with transaction.atomic():
            notify(self._users[0], title="then a row of the site")
            Group.objects.filter(pk=self._group.pk).update(name=str(rng.random()))

    def _site_first(self, rng: random.Random) -> None:
        with transaction.atomic():
            lock_inbox(self._users[0])
            Group.objects.filter(pk=self._group.pk).update(name=str(rng.random()))
            notify(self._users[0], title="after a row of the site")

    def _notification_first(self, rng: random.Random) -> None:
        with transaction.atomic():
            row = self._any(rng, Notification.objects.select_for_update())
            if row is not None:
                row.archive()

    def _mark(self, rng: random.Random) -> None:
        row = self._any(rng, Notification.objects.all())
        if row is not None:
            row.mark_read()

    def _many(self, rng: random.Random) -> None:
        notify_many(rng.sample(self._users, 3), title="many")

    def _delete(self, rng: random.Random) -> None:
        rows = Notification.objects.for_user(rng.choice(self._users)).filter(broadcast=None)
        rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:3])).delete()

    def _chunk(self, rng: random.Random) -> None:
        """Take a broadcast from all of them and write it again, one writer at a time, as its lease has it."""
        if not self._is_sending.acquire(blocking=False):
            return self._plain(rng)
        try:
            Notification.objects.filter(broadcast=self._lease.broadcast).delete()
            write_chunk(self._lease, [user.pk for user in self._users])
        finally:
            self._is_sending.release()

    def _any(self, rng: random.Random, rows: Any) -> Any:
        return rows.for_user(rng.choice(self._users)).order_by("-pk").first()


def find_miscounts() -> list[Any]:
    """Return the users whose inbox does not say what their rows say. 1 query, in SQL of its own."""
    with connection.cursor() as cursor:
        cursor.execute(MISCOUNTS)
        return [user_id for (user_id,) in cursor.fetchall()]


def count_deadlocks() -> int:
    """Return how many deadlocks the database has ended so far. Ask when those who had some have disconnected."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
            cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            return int(cursor.fetchone()[0])
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
        return int(cursor.fetchone()[1])


@contextmanager
def at_level(level: str) -> Iterator[None]:
    """Give this thread's transactions an isolation level, as a site may; SQLite has one, the strictest."""
    commands = {
        "mysql": [f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"],
        "postgresql": [f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}"],
    }.get(connection.vendor, [])
    with connection.cursor() as cursor:
        for command in commands:
            cursor.execute(command)
    try:
        yield
    finally:
        connection.close()
