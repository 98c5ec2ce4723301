"""What writers do: every way to change an inbox, each at random, alone or several in one transaction.

Each operation receives a random generator and the users it may touch. `perform.py` carries them out. Those in `OWN` open
their own transactions in ways in which a database may refuse them; whoever does so has to try again, so a refusal there
is nobody's fault.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from notifications import (
    Level,
    Step,
    StepRefused,
    broadcast,
    mark_all_read,
    mark_seen,
    mark_topic_read,
    notify,
    notify_many,
    order_broadcast,
    take_step,
    track,
)
from notifications.log.queryset import NotificationQuerySet
from notifications.models import Broadcast, Inbox, Notification
from tests.support.savepoints import make_savepoint

__all__ = ["BARE", "OPERATIONS", "OWN", "Undone"]

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
    mark_all_read(users[0], up_to=rng.choice([None, head, max(1, head - rng.randint(1, 30))]))


def seen(rng: random.Random, users: Sequence[int]) -> None:
    mark_seen(users[0])


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


# --- transactions that Django lets one handle by hand


def savepoints_by_hand(rng: random.Random, users: Sequence[int]) -> None:
    """Savepoints made, rolled back and released by the site itself, which no `atomic()` hears of."""
    with transaction.atomic():
        for user in users:
            if rng.random() < 0.3:
                rng.choice(SIMPLE)(rng, [user])
            savepoint = make_savepoint()
            rng.choice(SIMPLE)(rng, [user])
            if rng.random() < 0.6:
                transaction.savepoint_rollback(savepoint)
            elif rng.random() < 0.5:
                transaction.savepoint_commit(savepoint)
            if rng.random() < 0.7:
                create(rng, [user])


def manual(rng: random.Random, users: Sequence[int]) -> None:
    """Several transactions one after the other with autocommit off."""
    transaction.set_autocommit(False)
    try:
        for user in users:
            rng.choice(SIMPLE)(rng, [user])
            if rng.random() < 0.3:
                create(rng, [user])
            rng.choice([transaction.commit, transaction.commit, transaction.rollback])()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def isolated(rng: random.Random, users: Sequence[int]) -> None:
    """A transaction of a stricter isolation level than the default."""
    with transaction.atomic():
        if connection.vendor != "sqlite":
            level = rng.choice(["REPEATABLE READ", "SERIALIZABLE"])
            run_sql(f"SET TRANSACTION ISOLATION LEVEL {level}")
        for user in users:
            for _ in range(rng.randint(1, 2)):
                rng.choice(SIMPLE)(rng, [user])


def impatient(rng: random.Random, users: Sequence[int]) -> None:
    """Time-outs of statements and locks, caught under a savepoint; what comes after them is kept."""
    begin, sleep, end = TIMEOUTS.get(connection.vendor, ((), "SELECT 1", ()))
    with transaction.atomic():
        for user in users:
            with contextlib.suppress(DatabaseError), transaction.atomic():
                for sql in begin:
                    run_sql(sql.format(rng.randint(1, 20)))
                several(rng, [user])
                if rng.random() < 0.3:
                    run_sql(sleep)
            for sql in end:
                run_sql(sql)
            if rng.random() < 0.7:
                create(rng, [user])


# By vendor: how to be impatient, what takes too long then, and how to be patient again.
TIMEOUTS: Final[dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]]] = {
    "postgresql": (
        ("SET LOCAL lock_timeout = {}", "SET LOCAL statement_timeout = {}"),
        "SELECT pg_sleep(1)",
        ("SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0"),
    ),
    "mysql": (
        ("SET SESSION innodb_lock_wait_timeout = 1", "SET SESSION max_statement_time = 0.0{:02d}"),
        "SELECT sleep(1)",
        ("SET SESSION innodb_lock_wait_timeout = 50", "SET SESSION max_statement_time = 0"),
    ),
}


def linger(rng: random.Random, users: Sequence[int]) -> None:
    """Keep a transaction open for a while."""
    with transaction.atomic():
        several(rng, users)
        time.sleep(rng.uniform(0.05, 0.3))


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


# --- jobs, broadcasts, commands


def job(rng: random.Random, users: Sequence[int]) -> None:
    with contextlib.suppress(Undone), track(users[0], title=words(rng), total=3) as running:
        for _ in range(rng.randint(0, 3)):
            running.advance()
        running.say(words(rng))
        if rng.random() < 0.3:
            raise Undone
        if rng.random() < 0.5:
            running.finish(body=words(rng))


def send(rng: random.Random, users: Sequence[int]) -> None:
    """Order a broadcast to users from whom something may be deleted, for the servers' own workers to send."""
    if whom := may_lose(users):
        order_broadcast(Broadcast.objects.create(title=words(rng), audience="users", chosen=whom))


def take_back(_rng: random.Random, _users: Sequence[int]) -> None:
    sent = Broadcast.objects.filter(state="sent", audience="users").order_by("pk").first()
    if sent is not None:
        with contextlib.suppress(StepRefused):
            take_step(sent, Step.RETRACT)


def prune_by_command(_rng: random.Random, users: Sequence[int]) -> None:
    whom = [word for user in may_lose(users) for word in ("--user", str(user))]
    if whom:
        call_command("prune_notifications", "--keep", "150", "--include-unread", *whom, verbosity=0)


def topic_read(rng: random.Random, users: Sequence[int]) -> None:
    mark_topic_read(users[0], f"oracle:{rng.randint(1, 20)}")


def long_words(rng: random.Random, users: Sequence[int]) -> None:
    """More text than one frame may hold."""
    with transaction.atomic():
        for _ in range(rng.randint(1, 12)):
            notify(users[0], title=words(rng), body="ж" * 3900)


# --- the doors of the site: pages and admin, in this process


@lru_cache(maxsize=64)
def browser_of(user: int) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(pk=user))
    return client


def act(rng: random.Random, users: Sequence[int]) -> None:
    """What a reader does on the page, and mostly takes back."""
    user = users[0]
    actions = ["read", "unread", "archive", "unarchive", *(["delete"] if may_lose([user]) else [])]
    pks = list(rows_of(rng, [user], 8).values_list("pk", flat=True))
    if pks:
        answer = post(browser_of(user), "/notifications/selection/", {"action": rng.choice(actions), "id": pks})
        take_back_act(rng, user, answer)


def act_on_all(rng: random.Random, users: Sequence[int]) -> None:
    take_back_act(rng, users[0], post(browser_of(users[0]), "/notifications/read-all/", {}))


def take_back_act(rng: random.Random, user: int, answer: dict[str, Any]) -> None:
    if answer.get("undo") and rng.random() < 0.7:
        if rng.random() < 0.3:
            rng.choice(SIMPLE)(rng, [user])
        post(browser_of(user), "/notifications/undo/", {"token": answer["undo"]["token"]})


def administer(rng: random.Random, users: Sequence[int]) -> None:
    """What staff do with the admin's list."""
    pks = list(rows_of(rng, users, 4).values_list("pk", flat=True))
    staff = get_user_model().objects.filter(is_superuser=True).first()
    if pks and staff is not None:
        action = rng.choice(["mark_read", "mark_unread", "archive", "unarchive"])
        data = {"action": action, "_selected_action": pks}
        post(browser_of(staff.pk), "/admin/live_notifications/notification/", data)


def post(client: Client, path: str, data: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, data, headers={"accept": "application/json"})
    if answer.status_code >= 500:
        raise DatabaseError(f"{path}: HTTP {answer.status_code}")
    return answer.json() if answer["content-type"] == "application/json" else {}


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
    "savepoints by hand": (3, 3, savepoints_by_hand),
    "autocommit off": (2, 3, manual),
    "isolated": (3, 2, isolated),
    "impatient": (1.5, 3, impatient),
    "linger": (0.2, 2, linger),
    "job": (1, 1, job),
    "send": (0.3, MANY, send),
    "take back": (0.15, 1, take_back),
    "prune by command": (0.1, MANY, prune_by_command),
    "mark topic read": (1, 1, topic_read),
    "long words": (0.3, 1, long_words),
    "page": (2, 1, act),
    "page: read all": (0.7, 1, act_on_all),
    "admin": (0.5, MANY, administer),
}
# Their transactions are their own, and a lock, a time-out or a stricter level may end them.
OWN: Final = frozenset(
    {"savepoints by hand", "autocommit off", "isolated", "impatient", "linger"}
    | {"transaction", "rollback", "savepoints", "put back", "long words"}
)
# They begin and end transactions themselves, so none may stand around them.
BARE: Final = frozenset(
    {"autocommit off", "isolated", "job", "send", "take back", "prune by command", "page", "page: read all", "admin"}
)
