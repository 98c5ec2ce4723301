"""What writers do: every way to change an inbox, each at random, alone or several in one transaction.

Each operation receives a random generator and the users it may touch. `perform.py` carries them out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from notifications import log
from notifications.models import Inbox, Level, Notification
from notifications.publish import broadcast, notify, notify_many
from notifications.querysets import NotificationQuerySet

__all__ = ["OPERATIONS", "Undone"]

Act = Callable[[random.Random, Sequence[int]], None]

MANY: Final = 1000
RECENT: Final = 60  # rows from which one is picked
WORDS: Final = ("Rechnung überfällig", "Отчёт готов", "完了しました", "a\nb", '<img src=x onerror="alert(1)">', "plain")


class Undone(Exception):
    """Rolls a transaction back on purpose."""


# --- picking


def words(rng: random.Random) -> str:
    return f"{rng.choice(WORDS).splitlines()[0]} {rng.getrandbits(32):08x}"


def rows_of(rng: random.Random, users: Sequence[int], most: int) -> NotificationQuerySet:
    """Return up to so many of these users' latest rows, as a queryset."""
    pks = list(
        Notification.objects.filter(recipient_id__in=users).order_by("-pk").values_list("pk", flat=True)[:RECENT]
    )
    return Notification.objects.filter(pk__in=rng.sample(pks, min(len(pks), rng.randint(1, most))))


def one_of(rng: random.Random, users: Sequence[int]) -> Notification | None:
    return rows_of(rng, users, 1).first()


def may_lose(users: Sequence[int]) -> list[int]:
    """Return those from whom something may be deleted. The others keep all, so that their log can always be continued."""
    return [user for user in users if user % 2 == 0]


# --- the operations


def create(rng: random.Random, users: Sequence[int]) -> None:
    level, body = rng.choice(Level.values), rng.choice(WORDS) * rng.randint(0, 3)
    notify(
        users[0], title=words(rng), body=body, level=level, topic=f"oracle:{rng.randint(1, 20)}", data={"n": [1, "ü"]}
    )


def save(rng: random.Random, users: Sequence[int]) -> None:
    Notification(recipient_id=users[0], title=words(rng)).save()


def edit(rng: random.Random, users: Sequence[int]) -> None:
    row = one_of(rng, users)
    if row is not None:
        row.title, row.body = words(rng), rng.choice(WORDS)
        row.save(update_fields=["title"]) if rng.random() < 0.5 else row.save()


def update(rng: random.Random, users: Sequence[int]) -> None:
    rows_of(rng, users, 5).update(title=words(rng), level=rng.choice(Level.values))


def read(rng: random.Random, users: Sequence[int]) -> None:
    rows_of(rng, users, 3).mark_read()


def read_one(rng: random.Random, users: Sequence[int]) -> None:
    row = one_of(rng, users)
    if row is not None:
        row.mark_read()


def unread(rng: random.Random, users: Sequence[int]) -> None:
    rows_of(rng, users, 3).mark_unread()


def archive(rng: random.Random, users: Sequence[int]) -> None:
    rows_of(rng, users, 3).archive()


def unarchive(rng: random.Random, users: Sequence[int]) -> None:
    rows_of(rng, users, 6).unarchive()


def delete(rng: random.Random, users: Sequence[int]) -> None:
    row = one_of(rng, may_lose(users))
    if row is not None:
        row.delete()


def bulk_create(rng: random.Random, users: Sequence[int]) -> None:
    rows = [Notification(recipient_id=user, title=words(rng)) for user in users for _ in range(rng.randint(1, 3))]
    Notification.objects.bulk_create(rows)


def bulk_update(rng: random.Random, users: Sequence[int]) -> None:
    rows = list(rows_of(rng, users, 8))
    for row in rows:
        row.title, row.read_at = words(rng), rng.choice([None, timezone.now()])
    Notification.objects.bulk_update(rows, ["title", "read_at"])


def bulk_state(rng: random.Random, users: Sequence[int]) -> None:
    rows = rows_of(rng, users, 40)
    rng.choice([rows.mark_read, rows.mark_unread, rows.archive, rows.unarchive])()


def bulk_many(rng: random.Random, users: Sequence[int]) -> None:
    """More rows than a doorbell tells."""
    rows = Notification.objects.filter(recipient_id__in=users).order_by("-pk")
    rng.choice([rows.mark_read, rows.mark_unread, rows[:200].unarchive, rows[:70].archive])()


def put_back(rng: random.Random, users: Sequence[int]) -> None:
    """Delete a row and save it again, as an "undo" does."""
    row = one_of(rng, may_lose(users))
    if row is not None:
        with transaction.atomic():
            Notification.objects.filter(pk=row.pk).delete()
            row.save()


def prune(rng: random.Random, users: Sequence[int]) -> None:
    """Delete the oldest, so that inboxes stay of a size."""
    pks = (
        Notification.objects.filter(recipient_id__in=may_lose(users)).order_by("-pk").values_list("pk", flat=True)[300:]
    )
    Notification.objects.filter(pk__in=list(pks)).delete()


def many(rng: random.Random, users: Sequence[int]) -> None:
    notify_many(users, title=words(rng), level=rng.choice(Level.values))


def everyone(rng: random.Random, users: Sequence[int]) -> None:
    broadcast(title=words(rng))


def read_all(rng: random.Random, users: Sequence[int]) -> None:
    head = Inbox.objects.values_list("modseq", flat=True).get(pk=users[0])
    log.mark_all_read(users[0], up_to=rng.choice([None, head, max(1, head - rng.randint(1, 30))]))


def seen(rng: random.Random, users: Sequence[int]) -> None:
    log.mark_seen(users[0])


SIMPLE: Final[tuple[Act, ...]] = (create, save, edit, update, read, unread, archive, unarchive, delete, read_all, seen)


def several(rng: random.Random, users: Sequence[int]) -> None:
    """Several writes to each of these users in turn, in one transaction."""
    with transaction.atomic():
        for user in users:
            for _ in range(rng.randint(1, 4)):
                rng.choice(SIMPLE)(rng, [user])


def undone(rng: random.Random, users: Sequence[int]) -> None:
    with transaction.atomic():
        several(rng, users)
        raise Undone


def savepoints(rng: random.Random, users: Sequence[int]) -> None:
    """Writes under savepoints, some of which are rolled back, before, between and after ones that stay."""
    with transaction.atomic():
        for user in users:
            for _ in range(rng.randint(2, 4)):
                try:
                    with transaction.atomic():
                        rng.choice(SIMPLE)(rng, [user])
                        if rng.random() < 0.5:
                            several(rng, [user])
                        if rng.random() < 0.4:
                            raise Undone
                except Undone:
                    pass
                if rng.random() < 0.5:
                    rng.choice(SIMPLE)(rng, [user])


# weight, how many users it touches at most, what it does
OPERATIONS: Final[dict[str, tuple[float, int, Act]]] = {
    "create": (26, 1, create),
    "save": (4, 1, save),
    "edit": (8, 1, edit),
    "update": (3, MANY, update),
    "read": (8, 1, read),
    "read one": (4, 1, read_one),
    "unread": (5, 1, unread),
    "archive": (5, 1, archive),
    "unarchive": (4, 1, unarchive),
    "delete": (2, 1, delete),
    "bulk create": (2, MANY, bulk_create),
    "bulk update": (2, MANY, bulk_update),
    "bulk state": (3, MANY, bulk_state),
    "bulk many": (0.3, MANY, bulk_many),
    "put back": (0.5, 1, put_back),
    "prune": (0.2, 1, prune),
    "notify many": (5, MANY, many),
    "broadcast": (4, MANY, everyone),
    "mark all read": (1.5, 1, read_all),
    "mark seen": (2.5, 1, seen),
    "transaction": (4, 3, several),
    "rollback": (2, 3, undone),
    "savepoints": (3, 3, savepoints),
}
